// Who is signed in, remembered from page to page and told to the user's other tabs.

import { client, session } from './client';
import { forgetUser, REMEMBERED_KEY, rememberUser, type Remembered } from './remembered';

/** Whose rooms are in this page. */
let here: number | undefined;

/** The page begins anew: nothing of the one who was here is left in it. */
function beginAnew(): void {
  location.replace(`/${location.search}`);
}

export async function logOut(): Promise<void> {
  forgetUser();
  try {
    await client.logout();
  } catch {
    // Without the server the cookie stays; its next call will end it or the token's time.
  }
  beginAnew();
}

export function startIdentity(): void {
  session.subscribe((opened) => {
    if (!opened) return;
    if (here !== undefined && here !== opened.userId) return beginAnew();
    here = opened.userId;
    rememberUser(opened);
  });
  addEventListener('storage', ({ key, newValue }) => {
    if (key !== REMEMBERED_KEY || here === undefined) return;
    const other = newValue === null ? undefined : (JSON.parse(newValue) as Remembered).userId;
    if (other !== here) beginAnew();
  });
}
