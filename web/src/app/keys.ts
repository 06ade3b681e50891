// The shortcuts of the whole page. What belongs to one place (messages, composer, switcher) is there.

import { rooms } from '../rooms/rooms';
import { shownTimeline } from '../timeline/timelines';
import { closeTopmost, helpOpen, switcherOpen } from './panels';
import { currentRoom, goTo } from './route';

const inTextField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');

/** The room `step` places on in the list, around its ends; of those with something unread if wanted. */
export function neighbour(
  list: readonly { roomId: string; unread: number }[],
  from: string | undefined,
  step: 1 | -1,
  unreadOnly: boolean,
): string | undefined {
  const start = list.findIndex((room) => room.roomId === from);
  for (let n = 1; n <= list.length; ++n) {
    const index = start === -1 && step === -1 ? -n : start + n * step;
    const room = list.at(index % list.length)!;
    if (room.roomId !== from && (!unreadOnly || room.unread > 0)) return room.roomId;
  }
  return undefined;
}

function onKeyDown(event: KeyboardEvent): void {
  if (event.isComposing || event.defaultPrevented) return;
  const { key } = event;
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.shiftKey && key.toLowerCase() === 'k') {
    event.preventDefault();
    helpOpen.value = false;
    switcherOpen.value = !switcherOpen.value;
    return;
  }
  if (switcherOpen.value || helpOpen.value) return; // a dialog has its own keys
  if (event.altKey && !event.ctrlKey && (key === 'ArrowUp' || key === 'ArrowDown')) {
    event.preventDefault();
    const room = neighbour(rooms.value, currentRoom.value, key === 'ArrowUp' ? -1 : 1, event.shiftKey);
    if (room) goTo(room);
  } else if (key === 'Escape') {
    if (!closeTopmost()) markRead();
  } else if (key === '?' && !inTextField(event.target)) {
    event.preventDefault();
    helpOpen.value = true;
  }
}

/** Everything here counts as read, and the line above what was new goes. */
function markRead(): void {
  const timeline = shownTimeline.value;
  if (!timeline) return;
  timeline.markAllRead();
  timeline.clearLine();
}

export function startKeys(): void {
  document.addEventListener('keydown', onKeyDown);
}
