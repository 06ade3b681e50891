// Who is signed in, remembered from page to page and told to the user's other tabs.

import { session } from './client';
import { beginAnew, leaving } from './logOut';
import { REMEMBERED_KEY, rememberUser, type Remembered } from './remembered';

/** Whose rooms are in this page. */
let here: number | undefined;

export function startIdentity(): void {
  session.subscribe((opened) => {
    if (!opened) return;
    if (here !== undefined && here !== opened.userId) return beginAnew();
    here = opened.userId;
    rememberUser(opened);
  });
  addEventListener('storage', ({ key, newValue }) => {
    if (key !== REMEMBERED_KEY || here === undefined || leaving.peek()) return;
    const other = newValue === null ? undefined : (JSON.parse(newValue) as Remembered).userId;
    if (other !== here) beginAnew();
  });
}
