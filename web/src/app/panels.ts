// What is open: the list of rooms (where it is a drawer), people, the switcher, the sheet of keys.

import { signal } from '@preact/signals';

const WIDE = '(min-width: 70rem)';

export const sidebarOpen = signal(false);
export const peopleOpen = signal(matchMedia(WIDE).matches);
export const switcherOpen = signal(false);
export const helpOpen = signal(false);

/** Closes what lies over the conversation; false if nothing did. */
export function closeTopmost(): boolean {
  if (sidebarOpen.value) {
    sidebarOpen.value = false;
    return true;
  }
  if (peopleOpen.value && !matchMedia(WIDE).matches) {
    peopleOpen.value = false;
    return true;
  }
  return false;
}
