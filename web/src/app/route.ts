// The address: `/` or `/room/{roomId}`. What follows the `?` (a language) is kept from page to page.

import { signal } from '@preact/signals';
import { ROOM_NAME } from '../rooms/name';

const PATH = /^\/room\/([^/]+)\/?$/;

export function roomOfPath(path: string): string | undefined {
  const encoded = PATH.exec(path)?.[1];
  if (!encoded) return undefined;
  try {
    const name = decodeURIComponent(encoded);
    return ROOM_NAME.test(name) ? name : undefined;
  } catch {
    return undefined; // a broken %-sequence
  }
}

export const hrefOf = (roomId: string): string => `/room/${encodeURIComponent(roomId)}${location.search}`;

/** The room of the address; undefined at `/`. */
export const currentRoom = signal(roomOfPath(location.pathname));

addEventListener('popstate', () => (currentRoom.value = roomOfPath(location.pathname)));

export function goTo(roomId: string): void {
  if (roomId === currentRoom.peek()) return;
  history.pushState(null, '', hrefOf(roomId));
  currentRoom.value = roomId;
}

/** The same without a step for the back button: where the reader did not choose. */
export function standIn(roomId: string | undefined): void {
  history.replaceState(null, '', roomId ? hrefOf(roomId) : `/${location.search}`);
  currentRoom.value = roomId;
}
