// Names of people by id, and who is typing where.

import { signal } from '@preact/signals';
import type { Typing } from '@starling/sdk';
import { client } from '../session/client';

/** A server that says “typing” repeats it within 5 s, or ends it; one that was cut off does neither. */
const TYPING_EXPIRES_MS = 6_000;
const NAMES_LIMIT = 5_000;
const LOOKUPS_AT_ONCE = 4;

export const names = signal<ReadonlyMap<number, string>>(new Map());

const learned = new Map<number, string>();
let namesChanged = false;

export function noteName(id: number, name: string): void {
  if (learned.get(id) === name) return;
  if (learned.size >= NAMES_LIMIT) learned.clear();
  learned.set(id, name);
  namesChanged = true;
}

export function flushNames(): void {
  if (!namesChanged) return;
  namesChanged = false;
  names.value = new Map(learned);
}

const asked = new Set<number>();

/** Asks the server for names that are not known yet; each once. */
export async function lookUpNames(ids: readonly number[]): Promise<void> {
  const unknown = ids.filter((id) => !learned.has(id) && !asked.has(id));
  for (const id of unknown) asked.add(id);
  const lane = async () => {
    for (let id = unknown.pop(); id !== undefined; id = unknown.pop()) {
      try {
        noteName(id, (await client.user(id)).username);
      } catch {
        asked.delete(id); // asked again when the list is opened again
      }
    }
    flushNames();
  };
  await Promise.all(Array.from({ length: LOOKUPS_AT_ONCE }, lane));
}

// ---- typing ------------------------------------------------------------------------------------------

export interface Typist {
  userId: number;
  roomId: string;
  username: string;
  until: number;
}

export const typists = signal<readonly Typist[]>([]);

export function noteTyping({ roomId, userId, username, isTyping }: Typing): void {
  if (userId === client.session?.userId) return;
  const now = Date.now();
  const others = typists.peek().filter((one) => one.until > now && (one.userId !== userId || one.roomId !== roomId));
  typists.value = isTyping
    ? [...others, { userId, roomId, username, until: now + TYPING_EXPIRES_MS }]
    : others;
  if (isTyping) setTimeout(expire, TYPING_EXPIRES_MS);
}

export function endTyping(roomId: string, userId: number): void {
  const left = typists.peek().filter((one) => one.userId !== userId || one.roomId !== roomId);
  if (left.length !== typists.peek().length) typists.value = left;
}

function expire(): void {
  const now = Date.now();
  const left = typists.peek().filter((one) => one.until > now);
  if (left.length !== typists.peek().length) typists.value = left;
}
