// Messages on their way. An entry is kept until the server has answered for it, and said again under
// the same clientMessageId after every cut: the server makes one message of it.
//
// Of a room one entry is in flight at a time. Were more, a refusal (`rate_limited`) would let the next
// one overtake.
//
// Several tabs share a storage. An entry belongs to the client that wrote it (`owner`), which holds a Web
// Lock for as long as it lives; who signs in takes over what belongs to nobody alive. Where there are no
// locks, two may send the same entry: that is one message, too.
import type { Message, Options, OutboxEntry, Pending, PendingChange } from './api.js';
import type { Emit } from './emitter.js';
import { StarlingError } from './error.js';
import type { MessageSent } from './frames.js';
import { type Link, pauseMs } from './link.js';

const MAX_ENTRIES = 1_000; // of one client; beyond, send() throws
const LOCK = 'starling.';

interface Entry extends OutboxEntry {
  state: Pending['state'];
  /** The server has it; its event has not come yet. */
  sent?: MessageSent;
}

export interface OutboxOwner {
  userId(): number;
  username(): string;
  /** May messages go to this room now? Not while it is being entered. */
  open(roomId: string): boolean;
  /** The server took the message. True: its event will come, and settle it. */
  sent(frame: MessageSent): boolean;
  /** Nothing is in flight any more. */
  idle(roomId: string): void;
}

export type Outbox = ReturnType<typeof createOutbox>;

export function createOutbox(options: Options, link: Link, emit: Emit, owner: OutboxOwner) {
  const now = options.now ?? Date.now;
  const random = options.random ?? Math.random;
  const { outbox: storage } = options;
  const locks = storage && globalThis.navigator?.locks;
  const me = [now(), random() * 2 ** 52, random() * 2 ** 52].map((part) => Math.floor(part).toString(36)).join('');
  const owned = new Promise<void>((resolve) => {
    if (!locks) resolve();
    else
      void locks.request(LOCK + me, () => {
        resolve();
        return new Promise(() => {}); // until the tab is gone
      });
  });
  let entries = new Map<string, Entry>(); // in the order of sending
  const inFlight = new Map<string, { entry: Entry }>(); // by room; a flight ends with its connection
  let position = 0;
  let loadedFor = 0; // the user whose entries are here

  const kept = (work: Promise<void> | undefined) =>
    work?.catch((error) => emit('error', { code: 'internal', message: `The outbox cannot be kept: ${error}` }));
  const tell = (change: PendingChange['change'], pending: Entry) => emit('pending', { change, pending });
  const mine = (entry: Entry) => !entry.userId || entry.userId === owner.userId();

  async function store(entry: Entry) {
    if (!entry.userId) return; // not yet known whose it is
    const { state: _, sent: __, ...rest } = entry;
    await kept(storage?.put(rest));
  }

  function add(entry: Entry) {
    entry.position = ++position;
    entries.set(entry.clientMessageId, entry);
    void store(entry);
  }

  function remove(entry: Entry, message?: Message) {
    entries.delete(entry.clientMessageId);
    emit('pending', { change: 'removed', pending: entry, ...(message && { message }) });
  }

  function fail(entry: Entry, { code, message }: StarlingError) {
    entry.state = 'failed';
    entry.error = { code, message };
    void store(entry);
    tell('changed', entry);
  }

  function pump() {
    if (link.state !== 'online' || loadedFor !== owner.userId()) return;
    for (const entry of entries.values()) {
      const { roomId, state, sent } = entry;
      if (state === 'pending' && !sent && mine(entry) && !inFlight.has(roomId) && owner.open(roomId)) fly(entry);
    }
  }

  function fly(entry: Entry) {
    const { roomId, content, clientMessageId, metadata } = entry;
    const flight = { entry };
    inFlight.set(roomId, flight);
    const landed = () => {
      if (inFlight.get(roomId) !== flight) return; // it was cut off
      inFlight.delete(roomId);
      owner.idle(roomId);
      pump();
    };
    link.ask({ type: 'chat_message', roomId, content, clientMessageId, metadata }, (error, frame) => {
      if (error?.code === 'offline') return; // by lost() below
      if (error && (error.retryable || error.code === 'unauthenticated')) {
        setTimeout(landed, pauseMs(error));
        return;
      }
      if (error) {
        if (entries.has(clientMessageId)) fail(entry, error);
      } else {
        arrived(entry, frame as MessageSent);
      }
      landed();
    });
  }

  function arrived(entry: Entry, frame: MessageSent) {
    void kept(storage?.remove(entry.clientMessageId));
    entry.sent = frame;
    if (!owner.sent(frame)) settle(entry.clientMessageId);
  }

  /** Its event has come, or stands where no event will come from. */
  function settle(clientMessageId: string, event?: Message) {
    const entry = entries.get(clientMessageId);
    if (!entry) return;
    if (!entry.sent) void kept(storage?.remove(clientMessageId)); // the answer was lost, the event was not
    remove(entry, event ?? messageOf(entry));
  }

  // What the server will say of it in history.
  function messageOf(entry: Entry): Message {
    const { roomId, content, clientMessageId, metadata, sent } = entry;
    const { id, seq, timestamp } = sent!;
    const [senderId, senderUsername] = [entry.userId, owner.username()];
    return {
      ...{ id, seq, roomId, content, senderId, senderUsername, messageType: 'text', timestamp, clientMessageId },
      ...(metadata && { metadata }),
    };
  }

  // ---- what others left behind -----------------------------------------------------------------

  async function adopt(userId: number) {
    await owned;
    const left = (await storage!.load()).filter((entry) => entry.userId === userId && entry.owner !== me);
    for (const dead of new Set(left.map((entry) => entry.owner))) {
      if (locks) await locks.request(LOCK + dead, { ifAvailable: true }, (lock) => lock && take(dead, userId));
      else await take(dead, userId);
    }
  }

  // Under the lock of the dead: nobody else takes them. Read again, since somebody may have.
  async function take(dead: string, userId: number) {
    const found = (await storage!.load())
      .filter((entry) => entry.owner === dead && entry.userId === userId && !entries.has(entry.clientMessageId))
      .sort((a, b) => a.createdAt - b.createdAt || a.position - b.position);
    const taken = found.map((entry): Entry => ({ ...entry, owner: me, state: entry.error ? 'failed' : 'pending' }));
    entries = new Map([...taken, ...entries.values()].map((entry) => [entry.clientMessageId, entry]));
    for (const entry of taken) {
      await store(entry);
      tell('added', entry);
    }
  }

  return {
    /** Authenticated: what has no user gets this one, what was left behind is taken over. */
    start() {
      const userId = owner.userId();
      for (const entry of entries.values()) {
        if (entry.userId) continue;
        entry.userId = userId;
        void store(entry);
      }
      void (async () => {
        if (storage) await kept(adopt(userId));
        loadedFor = userId;
        pump();
      })();
    },
    pump,
    lost: () => inFlight.clear(),
    settle,
    /** What is on its way to this room: an event of ours with this text may be it. */
    sending: (roomId: string) => inFlight.get(roomId)?.entry.content,
    send(roomId: string, content: string, metadata?: Record<string, unknown>): Pending {
      if (entries.size >= MAX_ENTRIES) throw new StarlingError({ code: 'unavailable', message: 'Too many messages wait' });
      const entry: Entry = {
        clientMessageId: `${me}-${position + 1}`,
        userId: owner.userId(),
        owner: me,
        roomId,
        content,
        ...(metadata && { metadata }),
        createdAt: now(),
        position: 0, // by add()
        state: 'pending',
      };
      add(entry);
      tell('added', entry);
      pump();
      return entry;
    },
    list: (roomId?: string): Pending[] =>
      [...entries.values()].filter((entry) => mine(entry) && (!roomId || entry.roomId === roomId)),
    retry(clientMessageId: string) {
      const entry = entries.get(clientMessageId);
      if (entry?.state !== 'failed') return;
      entries.delete(clientMessageId); // to the end
      entry.state = 'pending';
      delete entry.error;
      entry.createdAt = now();
      add(entry);
      tell('changed', entry);
      pump();
    },
    discard(clientMessageId: string) {
      const entry = entries.get(clientMessageId);
      if (!entry) return;
      void kept(storage?.remove(clientMessageId));
      remove(entry);
    },
  };
}
