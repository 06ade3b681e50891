// Which room is in view: that of the address, else the one of last time, else the first.

import { effect, untracked } from '@preact/signals';
import { byName, roomsKnown } from '../rooms/rooms';
import { client } from '../session/client';
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
    if (!roomsKnown.value) return;
    untracked(() => {
      const chosen = room ?? roomOfLastTime();
      if (chosen !== room) return standIn(chosen);
      if (chosen) localStorage.setItem(KEY, chosen);
      lookAt(chosen);
    });
  });
}
