import { describe, expect, test } from 'vitest';
import type { Message } from '@starling/sdk';
import { keyOf, merge, trim, withoutMessage, type Row } from '../src/timeline/window';

const message = (seq: number, more: Partial<Message> = {}): Message => ({
  id: seq,
  seq,
  roomId: 'r',
  content: `m${seq}`,
  senderId: 1,
  senderUsername: 'u',
  messageType: 'text',
  timestamp: '2026-11-25T12:00:00.000Z',
  ...more,
});
const run = (from: number, to: number): Row[] => Array.from({ length: to - from + 1 }, (_, n) => message(from + n));
const seqs = (rows: readonly Row[]): number[] => rows.map((row) => row.seq);

describe('window', () => {
  test('runs become one by seq, whichever comes first and however they overlap', () => {
    expect(seqs(merge(run(5, 8), run(1, 6)))).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(seqs(merge(run(1, 3), run(4, 5)))).toEqual([1, 2, 3, 4, 5]);
    expect(seqs(merge([], [message(2), message(2)]))).toEqual([2]);
  });

  test('a row that is known stays the same object', () => {
    const rows = run(1, 3);
    const merged = merge(rows, [message(2), message(4)]);
    expect(merged[1]).toBe(rows[1]);
  });

  test('a deleted message keeps its place and its element', () => {
    const rows = [message(1, { clientMessageId: 'mine' }), message(2)];
    const after = withoutMessage(rows, 1);
    expect(after[0]).toMatchObject({ seq: 1, deleted: true });
    expect(after[0]).not.toHaveProperty('content');
    expect(keyOf(after[0]!)).toBe(keyOf(rows[0]!));
    expect(after[1]).toBe(rows[1]);
    expect(merge(rows, [{ id: 1, seq: 1, roomId: 'r', deleted: true }])[0]).toEqual(after[0]);
  });

  test('the end that is farther from the reader is trimmed', () => {
    const atEnd = trim(run(1, 12), 11, 10);
    expect([seqs(atEnd.rows)[0], atEnd.oldest, atEnd.newest]).toEqual([3, true, false]);
    const atBegin = trim(run(1, 12), 1, 10);
    expect([seqs(atBegin.rows).at(-1), atBegin.oldest, atBegin.newest]).toEqual([10, false, true]);
    expect(trim(run(1, 10), 5, 10)).toMatchObject({ oldest: false, newest: false });
  });

  test('the row of the reader is never trimmed, and no more than needed', () => {
    for (let length = 1; length <= 40; ++length) {
      for (let reader = 0; reader < length; ++reader) {
        const { rows } = trim(run(0, length - 1), reader, 10);
        expect(rows).toHaveLength(Math.min(length, 10));
        expect(seqs(rows)).toContain(reader);
      }
    }
  });
});
