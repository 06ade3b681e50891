// The one connection of this page, and its state as signals.

import { indexedDbOutbox, Starling, type Session, type StateChange } from '@starling/sdk';
import { signal } from '@preact/signals';

export const client = new Starling({ outbox: indexedDbOutbox(), joinMemberships: true });

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

export type Shown = 'online' | 'connecting' | 'waiting' | 'offline';

/** What the page tells about the connection. `refused` waits too: for the reader to try again. */
export function shownConnection(): Shown {
  if (deviceOffline.value) return 'offline';
  const { state } = connection.value;
  return state === 'online' || state === 'connecting' ? state : 'waiting';
}
