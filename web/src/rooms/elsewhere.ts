// Rooms that this user enters or leaves in one tab, told to the others: the server tells a connection only
// of its own. A tab that is not online is told nothing; it hears of its rooms when it comes back.

import { client } from '../session/client';

interface Told {
  userId: number;
  roomId: string;
  entered: boolean;
}

const tabs = new BroadcastChannel('starling.rooms');

function tell(roomId: string, entered: boolean): void {
  const userId = client.session?.userId;
  if (userId !== undefined) tabs.postMessage({ userId, roomId, entered } satisfies Told);
}

/** Enters a room, as one of this user's in every tab. */
export async function enterRoom(roomId: string): Promise<void> {
  const known = client.memberships.get(roomId)?.joined;
  await client.join(roomId);
  if (!known) tell(roomId, true);
}

export async function leaveRoom(roomId: string): Promise<void> {
  await client.leave(roomId);
  tell(roomId, false);
}

/** Follows what other tabs tell. */
export function startElsewhere(): void {
  tabs.onmessage = ({ data }: MessageEvent<Told>) => {
    const { userId, roomId, entered } = data;
    if (client.state !== 'online' || client.session?.userId !== userId) return;
    const room = client.memberships.get(roomId);
    if (entered ? room?.joined : !room) return;
    // What fails is not said: nobody asked for it here, and the next session tells the rooms.
    (entered ? client.join(roomId) : client.leave(roomId)).catch(() => {});
  };
}
