// The shortcuts of the whole page. What belongs to one place (messages, composer, switcher) is there.

import { neighbour } from '../rooms/neighbour';
import { rooms } from '../rooms/rooms';
import { shownTimeline } from '../timeline/timelines';
import { closeTopmost, helpOpen, switcherOpen } from './panels';
import { currentRoom, goTo } from './route';

const inTextField = (target: EventTarget | null): boolean =>
  target instanceof HTMLElement && target.matches('input, textarea, select, [contenteditable]');

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
