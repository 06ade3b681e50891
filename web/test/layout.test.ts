import { describe, expect, test } from 'vitest';
import type { Message, Pending } from '@starling/sdk';
import { GROUP_MS, layout } from '../src/timeline/layout';
import type { Row } from '../src/timeline/window';

const NOON = new Date(2026, 10, 25, 12).getTime();

const message = (seq: number, senderId: number, time: number): Message => ({
  id: seq + 100,
  seq,
  roomId: 'r',
  content: `m${seq}`,
  senderId,
  senderUsername: `u${senderId}`,
  messageType: 'text',
  timestamp: new Date(time).toISOString(),
});
const gone = (seq: number): Row => ({ id: seq + 100, seq, roomId: 'r', deleted: true });
const waiting = (id: string, createdAt: number): Pending => ({
  clientMessageId: id,
  roomId: 'r',
  content: id,
  createdAt,
  state: 'pending',
});

/** `day`, `new`, `+3` for a row that begins a group, `3` for one that does not. */
const shape = (rows: Row[], pending: Pending[] = [], newAfter?: number): string =>
  layout(rows, pending, { me: 1, newAfter })
    .map((item) => {
      if (item.kind === 'day' || item.kind === 'new') return item.kind;
      const name = item.kind === 'row' ? item.row.seq : item.pending.clientMessageId;
      return item.first ? `+${name}` : `${name}`;
    })
    .join(' ');

describe('layout', () => {
  test('one sender within ten minutes is one group', () => {
    const rows = [message(1, 2, NOON), message(2, 2, NOON + GROUP_MS), message(3, 2, NOON + 2 * GROUP_MS + 1), message(4, 3, NOON + 2 * GROUP_MS + 2)];
    expect(shape(rows)).toBe('day +1 2 +3 +4');
  });

  test('a day begins at midnight where the reader is', () => {
    const midnight = new Date(2026, 10, 26).getTime();
    expect(shape([message(1, 2, midnight - 1), message(2, 2, midnight)])).toBe('day +1 day +2');
  });

  test('the line stands above the first message behind what was read, and begins a group', () => {
    const rows = [message(1, 2, NOON), message(2, 2, NOON + 1), message(3, 2, NOON + 2)];
    expect(shape(rows, [], 1)).toBe('day +1 new +2 3');
    expect(shape(rows, [], 3)).toBe('day +1 2 3');
  });

  test('a tombstone neither begins a group nor ends one, and does not carry the line', () => {
    expect(shape([message(1, 2, NOON), gone(2), message(3, 2, NOON + 1)], [], 1)).toBe('day +1 2 new +3');
  });

  test('what waits stands at the end, in the group of its writer', () => {
    expect(shape([message(1, 1, NOON)], [waiting('a', NOON + 1), waiting('b', NOON + 2)])).toBe('day +1 a b');
    expect(shape([message(1, 2, NOON)], [waiting('a', NOON + 1)])).toBe('day +1 +a');
  });

  test('keys are unique', () => {
    const rows = [message(1, 2, NOON), message(2, 2, NOON + 86_400_000), message(3, 2, NOON), message(4, 2, NOON + 86_400_000)];
    const keys = layout(rows, [waiting('a', NOON)], { me: 1, newAfter: 2 }).map((item) => item.key);
    expect(new Set(keys).size).toBe(keys.length);
  });
});
