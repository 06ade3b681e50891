// Which room is in view: that of the address, else the one of last time, else the first.

import { effect, untracked } from '@preact/signals';
import { byName, roomsKnown } from '../rooms/rooms';
import { client } from '../session/client';
import { remembered } from '../session/remembered';
import { lookAt } from '../timeline/timelines';
import { currentRoom, standIn } from './route';

const KEY = 'starling.room';

function roomOfLastTime(): string | undefined {
  const last = localStorage.getItem(KEY);
  if (last !== null && client.memberships.has(last)) return last;
  return [...client.memberships.keys()].sort(byName)[0];
}

export function startPlace(): void {
  effect(() => {
    const room = currentRoom.value;
    if (!roomsKnown.value) {
      // What waits to be sent there can be seen and written on. Which room was looked at last is not asked:
      // it may have been left elsewhere.
      if (room !== undefined && remembered()) untracked(() => lookAt(room));
      return;
    }
    untracked(() => {
      const chosen = room ?? roomOfLastTime();
      if (chosen !== room) return standIn(chosen);
      if (chosen) localStorage.setItem(KEY, chosen);
      lookAt(chosen);
    });
  });
}
