// The rooms of this user as the page shows them. The numbers are the client's, copied once per
// frame; what is added is the last message of each.

import { computed, signal } from '@preact/signals';
import type { Message, Room } from '@starling/sdk';
import { client } from '../session/client';
import { rememberedRooms, rememberRooms } from '../session/remembered';

export interface Preview {
  seq: number;
  /** Absent for one that was deleted. */
  message?: Message;
}

export interface RoomView {
  readonly roomId: string;
  readonly unread: number;
  readonly onlineCount: number;
  readonly onlineUsers: readonly number[];
  /** Nothing has ever been said in it. */
  readonly empty: boolean;
  readonly last?: Preview;
}

/** The order of room names. */
export const byName = new Intl.Collator(undefined, { numeric: true, sensitivity: 'base' }).compare;

/** In the order of names: nothing moves under a pointer because somebody wrote. Before the server has told
 * them they are those of last time, without any number. */
export const rooms = signal<readonly RoomView[]>(rememberedRooms().map(unknownYet));
export const totalUnread = computed(() => rooms.value.reduce((sum, room) => sum + room.unread, 0));
/** The memberships are known: “no rooms” means so. */
export const roomsKnown = signal(false);

export const roomView = (roomId: string | undefined): RoomView | undefined =>
  rooms.value.find((room) => room.roomId === roomId);

const changed = new Set<string>();
const previews = new Map<string, Preview>();
let reordered = false;

export function noteRoom(roomId: string): void {
  changed.add(roomId);
}

/** The server has told them all: those of last time that it did not tell are no more. */
export function noteMemberships(): void {
  for (const { roomId } of rooms.peek()) changed.add(roomId);
  for (const roomId of client.memberships.keys()) changed.add(roomId);
  roomsKnown.value = true;
}

export function noteMessage(message: Message): void {
  const last = previews.get(message.roomId);
  if (last && last.seq >= message.seq) return;
  previews.set(message.roomId, { seq: message.seq, message });
  changed.add(message.roomId);
}

export function noteDeletion(roomId: string, ofSeq: number): void {
  if (previews.get(roomId)?.seq !== ofSeq) return;
  previews.set(roomId, { seq: ofSeq });
  changed.add(roomId);
}

export function noteLeft(roomId: string): void {
  previews.delete(roomId);
  changed.add(roomId);
}

export function flushRooms(): void {
  if (changed.size === 0) return;
  const byId = new Map(rooms.peek().map((room) => [room.roomId, room]));
  for (const roomId of changed) {
    const room = client.memberships.get(roomId);
    reordered ||= byId.has(roomId) !== (room !== undefined);
    if (room) byId.set(roomId, viewOf(room));
    else byId.delete(roomId);
  }
  changed.clear();
  const list = [...byId.values()];
  if (reordered) {
    list.sort((a, b) => byName(a.roomId, b.roomId));
    rememberRooms(list.map(({ roomId }) => roomId));
  }
  reordered = false;
  rooms.value = list;
}

function unknownYet(roomId: string): RoomView {
  return { roomId, unread: 0, onlineCount: 0, onlineUsers: [], empty: false };
}

function viewOf(room: Room): RoomView {
  const last = previews.get(room.roomId);
  return {
    roomId: room.roomId,
    unread: room.unread,
    onlineCount: room.onlineCount,
    onlineUsers: [...room.onlineUsers],
    empty: room.headSeq === 0,
    ...(last && { last }),
  };
}

// ---- the last messages of rooms that have been silent since we came -------------------------------

const PREVIEWS_LIMIT = 100;
/** Deleted messages may stand at the end; the one before them is shown. */
const LOOK_BACK = 5;
let fetching = false;

/** One room after the other: nobody waits for these. `show` draws what has come. */
export async function fetchPreviews(show: () => void): Promise<void> {
  if (fetching) return;
  fetching = true;
  const wanted = [...client.memberships.keys()].filter((id) => !previews.has(id)).slice(0, PREVIEWS_LIMIT);
  try {
    for (const roomId of wanted) {
      const { messages } = await client.history(roomId, { limit: LOOK_BACK });
      const message = messages.findLast((one) => !one.deleted);
      if (message) noteMessage(message as Message);
      else if (messages.length > 0) previews.set(roomId, { seq: messages.at(-1)!.seq });
      changed.add(roomId);
      show();
    }
  } catch {
    // The line was cut; the next session asks again for what is missing.
  } finally {
    fetching = false;
  }
}
