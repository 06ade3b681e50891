// What this browser remembers of who was signed in last, so that a page that cannot reach the server
// shows what is theirs. Names only: the proof is the server's cookie, which no script can read.

const USER = 'starling.user';
const ROOMS = 'starling.rooms';

export interface Remembered {
  userId: number;
  username: string;
}

/** The key under which `remembered()` is kept, for who listens to other tabs. */
export const REMEMBERED_KEY = USER;

function read<Value>(key: string): Value | undefined {
  try {
    return JSON.parse(localStorage.getItem(key) ?? 'null') ?? undefined;
  } catch {
    return undefined;
  }
}

export const remembered = (): Remembered | undefined => read<Remembered>(USER);

/** The rooms that the remembered user was a member of. */
export const rememberedRooms = (): readonly string[] => read<string[]>(ROOMS) ?? [];

export function rememberUser({ userId, username }: Remembered): void {
  if (remembered()?.userId !== userId) localStorage.removeItem(ROOMS);
  localStorage.setItem(USER, JSON.stringify({ userId, username }));
}

export function rememberRooms(roomIds: readonly string[]): void {
  try {
    localStorage.setItem(ROOMS, JSON.stringify(roomIds));
  } catch {
    // The storage is full: the next page has none before it is connected.
  }
}

export function forgetUser(): void {
  localStorage.removeItem(USER);
  localStorage.removeItem(ROOMS);
}
