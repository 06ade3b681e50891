// Messages on their way. An entry is kept until the server has answered for it, and said again under
// the same clientMessageId after every cut: the server makes one message of it.
//
// Of a room one entry is in flight at a time. Were more, a refusal (`rate_limited`) would let the next
// one overtake.
//
// Several tabs share a storage. An entry belongs to the client that wrote it (`owner`), which holds a Web
// Lock for as long as it lives; who signs in takes over what belongs to nobody alive. Where there are no
// locks, two may send the same entry: that is one message, too.
import type { Message, Options, OutboxEntry, Pending, PendingChange, Session } from './api.js';
import type { Emit } from './emitter.js';
import { StarlingError } from './error.js';
import type { MessageSent } from './frames.js';
import type { Link } from './link.js';

const MAX_ENTRIES = 1_000; // of one client; beyond, send() throws
const LOCK = 'starling.'; // taken while others' entries are looked through; with the owner's id, by the owner

interface Entry extends OutboxEntry {
  /** The server has it; its event has not come yet. */
  sent?: MessageSent;
}

export interface OutboxRoom {
  isOpen(): boolean;
  /** The server took the message. True: its event will come, and settle it. */
  acknowledged(frame: MessageSent): boolean;
  /** Nothing is in flight any more. */
  drain(): void;
}

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(
  options: Options,
  link: Link,
  emit: Emit,
  session: () => Session | undefined,
  rooms: ReadonlyMap<string, OutboxRoom>,
) {
  const { outbox: storage, now = Date.now, random = Math.random } = options;
  const locks = storage && globalThis.navigator?.locks;
  const word = () => Math.floor(random() * 2 ** 52).toString(36);
  const me = word() + word();
  const userId = () => session()?.userId ?? options.userId ?? 0;
  let entries = new Map<string, Entry>(); // in the order of sending
  const inFlight = new Map<string, Entry>(); // by room, until the answer or the end of the connection
  let lastCreatedAt = 0;
  let loadedFor = 0; // the user whose entries are here

  void locks?.request(LOCK + me, () => new Promise(() => {})); // held until the tab is gone

  const tell = (change: PendingChange['change'], pending: Pending, message?: Message) =>
    emit('pending', { change, pending, message });
  const mine = (entry: Entry) => !entry.userId || entry.userId === userId();

  const kept = (work: Promise<unknown> | undefined) =>
    work?.catch((error) => emit('error', { code: 'internal', message: `${error}` }));

  function store({ sent: _, ...entry }: Entry) {
    if (entry.userId) return kept(storage?.put(entry)); // else it is not yet known whose it is
  }

  // As the newest.
  function add(entry: Entry, change: PendingChange['change']) {
    entry.createdAt = lastCreatedAt = Math.max(now(), lastCreatedAt + 1);
    entry.clientMessageId ||= `${me}-${lastCreatedAt}`;
    entries.set(entry.clientMessageId, entry);
    void store(entry);
    tell(change, entry);
    pump();
  }

  function remove(entry: Entry, message?: Message) {
    const { clientMessageId } = entry;
    void kept(storage?.remove(clientMessageId));
    if (entries.delete(clientMessageId)) tell('removed', entry, message);
  }

  function pump() {
    if (link.change().state !== 'online' || loadedFor !== userId()) return;
    for (const entry of entries.values()) {
      const { roomId, state, sent } = entry;
      if (state === 'pending' && !sent && mine(entry) && !inFlight.has(roomId) && rooms.get(roomId)?.isOpen() !== false)
        fly(entry);
    }
  }

  function fly(entry: Entry) {
    const { roomId, content, clientMessageId, metadata } = entry;
    inFlight.set(roomId, entry);
    link.ask({ type: 'chat_message', roomId, content, clientMessageId, metadata }, (error, frame) => {
      if (error?.code === 'offline') return; // the next connection says it again
      if (!error) {
        entry.sent = frame as MessageSent;
        if (!rooms.get(roomId)?.acknowledged(entry.sent)) settle(clientMessageId);
      } else if (entries.has(clientMessageId)) {
        entry.state = 'failed';
        entry.error = { code: error.code, message: error.message };
        void store(entry);
        tell('changed', entry);
      }
      inFlight.delete(roomId);
      rooms.get(roomId)?.drain();
      pump();
    });
  }

  /** Its event has come, or stands where no event will come from. */
  function settle(clientMessageId: string, event?: Message) {
    const entry = entries.get(clientMessageId);
    if (entry) remove(entry, event ?? messageOf(entry));
  }

  // What history will say of it.
  function messageOf({ userId, content, metadata, sent }: Entry): Message {
    const senderUsername = session()!.username;
    return { ...sent!, content, metadata, senderId: userId, senderUsername, messageType: 'text' };
  }

  // Takes over what the dead have left, one client after the other.
  async function adopt(user: number) {
    const alive = (await locks?.query())?.held?.map(({ name }) => name) ?? [LOCK + me];
    const left = (await storage!.load())
      .filter((entry) => entry.userId === user && !entries.has(entry.clientMessageId) && !alive.includes(LOCK + entry.owner))
      .sort((a, b) => a.createdAt - b.createdAt)
      .map((entry): [string, Entry] => [entry.clientMessageId, { ...entry, owner: me }]);
    entries = new Map([...left, ...entries]);
    for (const [, entry] of left) {
      await store(entry);
      tell('added', entry);
    }
  }

  /** It is known who this is: what has no user gets this one, what was left behind is taken over. */
  async function start() {
    const user = userId();
    for (const entry of entries.values()) {
      if (entry.userId) continue;
      entry.userId = user;
      void store(entry);
    }
    if (storage) await kept(locks ? locks.request(LOCK, () => adopt(user)) : adopt(user));
    loadedFor = user;
    pump();
  }

  if (userId()) void start();

  return {
    start,
    pump,
    settle,
    lost: () => inFlight.clear(),
    /** What is on its way to this room: an event of ours with this text may be it. */
    sending: (roomId: string) => inFlight.get(roomId)?.content,
    send(roomId: string, content: string, metadata?: Record<string, unknown>): Pending {
      if (entries.size >= MAX_ENTRIES) throw new StarlingError({ code: 'unavailable', message: 'Outbox full' });
      const entry: Entry = {
        clientMessageId: '', // by add(), like the time
        userId: userId(),
        owner: me,
        roomId,
        content,
        metadata,
        createdAt: 0,
        state: 'pending',
      };
      add(entry, 'added');
      return entry;
    },
    list: (roomId?: string): Pending[] =>
      [...entries.values()].filter((entry) => mine(entry) && (!roomId || entry.roomId === roomId)),
    retry(clientMessageId: string) {
      const entry = entries.get(clientMessageId);
      if (entry?.state !== 'failed') return;
      entries.delete(clientMessageId);
      entry.state = 'pending';
      delete entry.error;
      add(entry, 'changed');
    },
    discard(clientMessageId: string) {
      const entry = entries.get(clientMessageId);
      if (entry) remove(entry);
    },
  };
}
