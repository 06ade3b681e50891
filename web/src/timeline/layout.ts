// From rows to what is drawn: separators of days, the line above what is new, and which messages
// stand under a name of their own. Pure; time comes from the messages.

import type { Pending } from '@starling/sdk';
import { keyOf, type Row } from './window';

export const GROUP_MS = 10 * 60_000;

export type Item =
  | { kind: 'day'; key: string; time: number }
  | { kind: 'new'; key: string }
  | { kind: 'row'; key: string; row: Row; first: boolean }
  | { kind: 'pending'; key: string; pending: Pending; first: boolean };

/** Who wrote and when, of the message above. */
interface Above {
  sender: number;
  time: number;
}

export interface LayoutOptions {
  me: number;
  /** The line stands above the first row behind this number; undefined: no line. */
  newAfter: number | undefined;
}

/** From midnight to midnight where the reader is. Days are not all as long. */
interface Day {
  begin: number;
  end: number;
}

function dayOf(time: number): Day {
  const begin = new Date(time).setHours(0, 0, 0, 0);
  const next = new Date(begin);
  return { begin, end: next.setDate(next.getDate() + 1) };
}

export function layout(
  rows: readonly Row[],
  pending: readonly Pending[],
  { me, newAfter }: LayoutOptions,
): Item[] {
  const items: Item[] = [];
  let above: Above | undefined;
  let today: Day | undefined;
  let lineDrawn = newAfter === undefined;

  // Returns whether the message begins a group.
  const place = (key: string, sender: number, time: number): boolean => {
    if (!today || time < today.begin || time >= today.end) {
      today = dayOf(time);
      items.push({ kind: 'day', key: `day before ${key}`, time });
      above = undefined;
    }
    const first = !above || above.sender !== sender || time - above.time > GROUP_MS;
    above = { sender, time };
    return first;
  };

  for (const row of rows) {
    const key = keyOf(row);
    if (row.deleted) {
      items.push({ kind: 'row', key, row, first: false });
      continue;
    }
    const time = Date.parse(row.timestamp);
    let first = place(key, row.senderId, time);
    if (!lineDrawn && row.seq > newAfter!) {
      lineDrawn = true;
      first = true;
      items.push({ kind: 'new', key: 'new' });
    }
    items.push({ kind: 'row', key, row, first });
  }
  for (const one of pending) {
    const first = place(one.clientMessageId, me, one.createdAt);
    items.push({ kind: 'pending', key: one.clientMessageId, pending: one, first });
  }
  return items;
}
