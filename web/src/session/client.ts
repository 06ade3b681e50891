// The one connection of this page, and its state as signals.

import { indexedDbOutbox, Starling, type Session, type StateChange } from '@starling/sdk';
import { computed, effect, signal } from '@preact/signals';
import { remembered, type Remembered } from './remembered';

const last = remembered();

export const client = new Starling({
  outbox: indexedDbOutbox(),
  joinMemberships: true,
  ...(last && { userId: last.userId }),
});

export const connection = signal<StateChange>({ state: client.state });
export const session = signal<Session | undefined>(undefined);
/** The browser says that there is no network, and nothing has been heard since. */
export const deviceOffline = signal(!navigator.onLine);

client.on('state', (change) => (connection.value = change));
client.on('session', (opened) => (session.value = opened));

addEventListener('offline', () => (deviceOffline.value = true));
addEventListener('online', () => (deviceOffline.value = false));
// A server on the same machine is there without any network.
const heard = () => (deviceOffline.value = false);
client.on('message', heard);
client.on('session', heard);

/** Who this page is for: the one who is signed in, or who was before the server could be asked. */
export const me = (): Remembered | undefined => session.value ?? remembered();

export type Shown = 'online' | 'connecting' | 'waiting' | 'offline';

/** What the page tells about the connection. `refused` waits too: for the reader to try again. */
export function shownConnection(): Shown {
  if (deviceOffline.value) return 'offline';
  const { state } = connection.value;
  return state === 'online' || state === 'connecting' ? state : 'waiting';
}

/** A reconnect that is quicker is not worth a word. */
const CUT_OFF_AFTER_MS = 1_000;

/** There has been no connection for a while, and who reads should know. */
export const cutOff = signal(false);

const isOnline = computed(() => shownConnection() === 'online');

effect(() => {
  if (isOnline.value) {
    cutOff.value = false;
    return;
  }
  const timer = setTimeout(() => (cutOff.value = true), CUT_OFF_AFTER_MS);
  return () => clearTimeout(timer);
});
