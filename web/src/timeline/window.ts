// The part of a room's history that is drawn: a run of rows without holes, pure functions over it.
// It never grows beyond a limit; what falls off is loaded again when the reader comes near.

import type { Message, Tombstone } from '@starling/sdk';

/** A tombstone of a message that was here keeps the key of its element. */
export type Row = Message | (Tombstone & { clientMessageId?: string });

export const ROWS_LIMIT = 400;

/** What keeps a row the same element while a message goes from pending to sent. */
export function keyOf(row: Row): string {
  return row.clientMessageId ?? `#${row.seq}`;
}

/** Both runs as one, by seq. A row that is known stays the same object, so that nothing is drawn
 * again, unless it has been deleted meanwhile. */
export function merge(rows: readonly Row[], incoming: readonly Row[]): readonly Row[] {
  if (incoming.length === 0) return rows;
  if (isRunBehind(rows.at(-1)?.seq ?? 0, incoming)) return [...rows, ...incoming];
  const bySeq = new Map(rows.map((row) => [row.seq, row]));
  for (const row of incoming) {
    const known = bySeq.get(row.seq);
    if (!known) bySeq.set(row.seq, row);
    else if (row.deleted && !known.deleted) bySeq.set(row.seq, tombstone(known));
  }
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

function isRunBehind(seq: number, incoming: readonly Row[]): boolean {
  return incoming.every((row, index) => row.seq > (index === 0 ? seq : incoming[index - 1]!.seq));
}

export function withoutMessage(rows: readonly Row[], ofSeq: number): readonly Row[] {
  return rows.map((row) => (row.seq === ofSeq && !row.deleted ? tombstone(row) : row));
}

function tombstone({ id, seq, roomId, clientMessageId }: Message): Row {
  return { id, seq, roomId, deleted: true, ...(clientMessageId && { clientMessageId }) };
}

export interface Trimmed {
  rows: readonly Row[];
  /** Whether rows were taken away at that end. */
  oldest: boolean;
  newest: boolean;
}

/** At most `limit` rows. They go at the end that is farther from the row the reader looks at, and
 * only if there are not enough at the other. */
export function trim(rows: readonly Row[], readerIndex: number, limit = ROWS_LIMIT): Trimmed {
  const excess = rows.length - limit;
  if (excess <= 0) return { rows, oldest: false, newest: false };
  const before = readerIndex;
  const behind = rows.length - 1 - readerIndex;
  const oldest = before >= behind ? Math.min(excess, before) : excess - Math.min(excess, behind);
  const newest = excess - oldest;
  return { rows: rows.slice(oldest, rows.length - newest), oldest: oldest > 0, newest: newest > 0 };
}
