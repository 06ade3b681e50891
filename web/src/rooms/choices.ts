// What the switcher offers for what has been typed.

import { ROOM_NAME } from './name';

export interface Choice {
  roomId: string;
  unread: number;
  /** Not one of the user's rooms: going there enters it. */
  isNew: boolean;
}

const CHOICES_LIMIT = 50;

/** Own rooms that contain the text, those that begin with it first; with no text, unread ones first.
 * Then other rooms of the server, then what has been typed, if it may be a name. */
export function choicesFor(
  typed: string,
  own: readonly { roomId: string; unread: number }[],
  others: readonly string[],
): Choice[] {
  const text = typed.trim().replace(/^#/, '');
  const wanted = text.toLowerCase();
  const ownIds = new Set(own.map((room) => room.roomId));
  const all: Choice[] = [
    ...own.map(({ roomId, unread }) => ({ roomId, unread, isNew: false })),
    ...others.filter((id) => !ownIds.has(id)).map((roomId) => ({ roomId, unread: 0, isNew: true })),
  ];
  const rank = (choice: Choice): number => {
    if (choice.roomId === text) return 0;
    const begins = wanted !== '' && choice.roomId.toLowerCase().startsWith(wanted);
    return (choice.isNew ? 4 : 1) + (begins || (wanted === '' && choice.unread > 0) ? 0 : 1);
  };
  const found = all
    .filter((choice) => choice.roomId.toLowerCase().includes(wanted))
    .sort((a, b) => rank(a) - rank(b))
    .slice(0, CHOICES_LIMIT);
  if (ROOM_NAME.test(text) && !found.some((choice) => choice.roomId === text)) {
    found.push({ roomId: text, unread: 0, isNew: true });
  }
  return found;
}
