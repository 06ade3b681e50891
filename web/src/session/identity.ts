// Who is signed in, remembered from page to page and told to the user's other tabs. The proof is the
// server's cookie, which no script can read; this is only a name.

import { client, session } from './client';

const KEY = 'starling.user';

export interface Remembered {
  userId: number;
  username: string;
}

/** Whose rooms are in this page. */
let here: number | undefined;

export function remembered(): Remembered | undefined {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

/** The page begins anew: nothing of the one who was here is left in it. */
function beginAnew(): void {
  location.replace(`/${location.search}`);
}

export async function logOut(): Promise<void> {
  localStorage.removeItem(KEY);
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
    localStorage.setItem(KEY, JSON.stringify({ userId: opened.userId, username: opened.username }));
  });
  addEventListener('storage', ({ key, newValue }) => {
    if (key !== KEY || here === undefined) return;
    const other = newValue === null ? undefined : (JSON.parse(newValue) as Remembered).userId;
    if (other !== here) beginAnew();
  });
}
