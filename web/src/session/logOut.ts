// Logging out, also while the server cannot be told. Its cookie, which no script can take away, is good
// until then: the page says so, and every tab goes on trying, when it is loaded again, too.

import { signal } from '@preact/signals';
import type { StarlingError } from '@starling/sdk';
import { client } from './client';
import { forgetUser } from './remembered';

const KEY = 'starling.leaving';
const AGAIN_MS = 3_000;

const isAsked = () => localStorage.getItem(KEY) !== null;

export const leaving = signal(isAsked());

/** The page begins anew: nothing of the one who was here is left in it. */
export function beginAnew(): void {
  location.replace(`/${location.search}`);
}

export function logOut(): Promise<void> {
  localStorage.setItem(KEY, '1');
  forgetUser();
  return finishLeaving();
}

export async function finishLeaving(): Promise<void> {
  leaving.value = true;
  while (isAsked()) {
    const chance = nextChance();
    // A dead line answers nothing: the next attempt does not wait for this one.
    if (await Promise.race([isOver(), chance])) break;
    await chance;
  }
  localStorage.removeItem(KEY);
  beginAnew();
}

/** Any answer will do, but that the server has no time. */
async function isOver(): Promise<boolean> {
  try {
    await client.logout();
    return true;
  } catch (error) {
    return !(error as StarlingError).retryable;
  }
}

const nextChance = () =>
  new Promise<false>((resolve) => {
    const again = () => resolve(false);
    setTimeout(again, AGAIN_MS);
    addEventListener('online', again, { once: true });
  });

addEventListener('storage', ({ key, newValue }) => {
  if (key === KEY && newValue !== null) void finishLeaving();
});
