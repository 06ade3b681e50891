// A server that plays the protocol over sockets of its own, and a network that the test spoils: what is
// sent may be cut off before or after the server has acted, and a room's events may be lost, doubled or
// swapped, which no real server does. Time is vitest's fake timers; chance is a seed.
import type { Socket } from '../src/api.js';

export type Random = () => number;

/** Mulberry32: small, and good enough to choose with. */
export function seeded(seed: number): Random {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Frames in both directions; the test reads what it needs.
export type Json = any;

/** A token of user number `user`, as the server would mint it. */
export function tokenOf(user: number, endsAtMs?: number): string {
  const claims = JSON.stringify({ sub: `${user}`, name: `?>?>u${user}`, exp: endsAtMs && endsAtMs / 1_000 });
  return `e.${btoa(claims).replace(/\+/g, '-').replace(/\//g, '_').replace(/=/g, '')}.s`;
}

const userOf = (token: string): number => JSON.parse(atob(token.split('.')[1]!.replace(/-/g, '+').replace(/_/g, '/'))).sub;

interface FakeRoom {
  events: Json[];
  /** By user. */
  read: Map<number, number>;
  members: Set<number>;
  /** By sender and clientMessageId. */
  known: Map<string, Json>;
}

export interface Faults {
  /** Chance that a live event is lost, doubled, or comes behind the next one. */
  lose: number;
  double: number;
  swap: number;
  /** Chance that a command is refused with `rate_limited`. */
  refuse: number;
}

const LATENCY_MS = 5;
export const NO_FAULTS: Faults = { lose: 0, double: 0, swap: 0, refuse: 0 };

export class FakeServer {
  epoch = 1;
  reachable = true;
  /** Commands are read and not answered: a line that is dead without a close. */
  silent = false;
  faults: Faults = { ...NO_FAULTS };
  maxEvents = 1_000;
  maxRooms = 200;
  tellsHead = true;
  readonly rooms = new Map<string, FakeRoom>();
  readonly sockets = new Set<FakeSocket>();
  /** Every command that was read, with the socket's user. */
  readonly commands: Json[] = [];
  readonly random: Random;
  private lastId = 0;

  constructor(random: Random = seeded(1)) {
    this.random = random;
  }

  /** The class for the client's option `WebSocket`. */
  get WebSocket(): new (url: string, protocol: string) => Socket {
    const server = this;
    return class extends FakeSocket {
      constructor() {
        super(server);
      }
    };
  }

  room(roomId: string): FakeRoom {
    let room = this.rooms.get(roomId);
    if (!room) this.rooms.set(roomId, (room = { events: [], read: new Map(), members: new Set(), known: new Map() }));
    return room;
  }

  cutAll(code = 1006) {
    for (const socket of [...this.sockets]) socket.cut(code);
  }

  unread(roomId: string, user: number): number {
    const { events, read } = this.room(roomId);
    const behind = events.filter(({ type, seq }) => type === 'chat_message' && seq > (read.get(user) ?? 0));
    return Math.min(1_000, behind.length);
  }

  post(roomId: string, senderId: number, content: string, clientMessageId?: string): Json {
    const room = this.room(roomId);
    const key = `${senderId} ${clientMessageId}`;
    const known = clientMessageId && room.known.get(key);
    if (known) return { ...known, duplicate: true };
    const event: Json = {
      ...{ type: 'chat_message', id: ++this.lastId, seq: room.events.length + 1, roomId, content, senderId },
      ...{ senderUsername: `u${senderId}`, messageType: 'text', timestamp: '2026-01-01T00:00:00.000Z' },
    };
    room.events.push({ ...event, ...(clientMessageId && { clientMessageId }) });
    if (clientMessageId) room.known.set(key, event);
    this.markRead(roomId, senderId, event.seq);
    this.broadcast(roomId, event);
    return event;
  }

  delete(roomId: string, ofSeq: number) {
    const room = this.room(roomId);
    const target = room.events[ofSeq - 1];
    if (target?.type !== 'chat_message' || target.deleted) return;
    room.events[ofSeq - 1] = { type: 'chat_message', id: target.id, seq: ofSeq, roomId, deleted: true };
    const event = { type: 'message_deleted', roomId, id: target.id, seq: room.events.length + 1, ofSeq, byUserId: 0 };
    room.events.push(event);
    this.broadcast(roomId, event);
  }

  private broadcast(roomId: string, event: Json) {
    for (const socket of this.sockets) socket.deliver(roomId, event);
  }

  markRead(roomId: string, user: number, seq: number) {
    const room = this.room(roomId);
    const before = room.read.get(user) ?? 0;
    room.read.set(user, Math.max(before, Math.min(seq, room.events.length)));
  }

  readUpdate(roomId: string, user: number): Json {
    const { events, read } = this.room(roomId);
    const update = { type: 'read_update', roomId, userId: user, seq: read.get(user) ?? 0, unread: this.unread(roomId, user) };
    return this.tellsHead ? { ...update, headSeq: events.length } : update;
  }

  obey(socket: FakeSocket, command: Json) {
    this.commands.push({ ...command, user: socket.user });
    const { type, ref, roomId } = command;
    const answer = (frame: Json) => socket.put({ ...frame, ref });
    const error = (code: string, more: Json = {}) => answer({ type: 'error', code, message: code, retryable: false, ...more });
    if (type !== 'ping' && type !== 'auth' && this.random() < this.faults.refuse) {
      return error('rate_limited', { retryable: true, retryAfterMs: 50 });
    }
    switch (type) {
      case 'ping':
        return answer({ type: 'pong' });
      case 'auth': {
        if (!command.token) return error('unauthenticated');
        socket.user = Number(userOf(command.token));
        const rooms = [...this.rooms].filter(([, room]) => room.members.has(socket.user)).map(([id]) => ({ roomId: id, ...this.numbers(id, socket.user) }));
        return answer({ type: 'auth_success', userId: socket.user, username: `u${socket.user}`, epoch: this.epoch, rooms });
      }
      case 'join_room':
        if (roomId === 'forbidden') return error('forbidden');
        return this.join(socket, command, answer);
      case 'leave_room':
        this.room(roomId).members.delete(socket.user);
        socket.joined.delete(roomId);
        return answer({ type: 'room_left', roomId });
      case 'chat_message': {
        if (command.content === 'bad') return error('too_large');
        if (!this.room(roomId).members.has(socket.user)) return error('not_in_room');
        const { id, seq, timestamp, duplicate = false } = this.post(roomId, socket.user, command.content, command.clientMessageId);
        return answer({ type: 'message_sent', clientMessageId: command.clientMessageId, id, seq, roomId, timestamp, duplicate });
      }
      case 'get_recent_messages': {
        const { events } = this.room(roomId);
        const { afterSeq, beforeSeq = Infinity, limit } = command;
        const range = events.filter(({ seq }) => (afterSeq === undefined ? seq < beforeSeq : seq > afterSeq));
        const page = afterSeq === undefined ? range.slice(-limit) : range.slice(0, limit);
        const [fromSeq, toSeq] = [page[0]?.seq ?? 0, page.at(-1)?.seq ?? 0];
        return answer({ type: 'recent_messages', roomId, messages: page.map((event) => socket.seen(event)), fromSeq, toSeq, hasMore: page.length < range.length });
      }
      case 'mark_read':
        this.markRead(roomId, socket.user, command.seq);
        for (const other of this.sockets) if (other !== socket && other.user === socket.user) other.put(this.readUpdate(roomId, socket.user));
        return answer(this.readUpdate(roomId, socket.user));
    }
  }

  private numbers(roomId: string, user: number) {
    const { events, read } = this.room(roomId);
    return { headSeq: events.length, readSeq: read.get(user) ?? 0, unread: this.unread(roomId, user) };
  }

  private join(socket: FakeSocket, { roomId, afterSeq, epoch }: Json, answer: (frame: Json) => void) {
    const room = this.room(roomId);
    room.members.add(socket.user);
    socket.joined.add(roomId);
    const head = room.events.length;
    answer({ type: 'room_joined', roomId, onlineUsers: [socket.user], onlineCount: 1, ...this.numbers(roomId, socket.user) });
    if (afterSeq === undefined) return;
    if ((epoch !== undefined && epoch !== this.epoch) || afterSeq > head) {
      socket.put({ type: 'gap', roomId, fromSeq: 1, toSeq: head, reason: 'epoch', epoch: this.epoch });
      return;
    }
    const kept = Math.max(afterSeq, head - this.maxEvents);
    if (kept > afterSeq) socket.put({ type: 'gap', roomId, fromSeq: afterSeq + 1, toSeq: kept, reason: 'too_many' });
    for (const event of room.events.slice(kept)) socket.put(socket.seen(event));
  }
}

export class FakeSocket implements Socket {
  readyState = 0;
  onopen: Socket['onopen'] = null;
  onmessage: Socket['onmessage'] = null;
  onclose: Socket['onclose'] = null;
  onerror: Socket['onerror'] = null;
  user = 0;
  readonly joined = new Set<string>();
  private readonly server: FakeServer;
  private delayed: Json | undefined; // an event that comes behind the next one

  constructor(server: FakeServer) {
    this.server = server;
    server.sockets.add(this);
    setTimeout(() => {
      if (!server.reachable) return this.cut(1006);
      if (this.readyState !== 0) return;
      this.readyState = 1;
      this.put({ type: 'welcome', limits: { maxMessageBytes: 4096, maxRooms: server.maxRooms } });
    }, LATENCY_MS);
  }

  send(text: string) {
    setTimeout(() => {
      if (this.readyState === 1 && !this.server.silent) this.server.obey(this, JSON.parse(text));
    }, LATENCY_MS);
  }

  close() {
    this.readyState = 3;
    this.server.sockets.delete(this);
  }

  /** The line is cut at once; what is on its way in either direction is lost. */
  cut(code: number) {
    this.close();
    this.onclose?.({ code, reason: '' } as never);
  }

  put(frame: Json) {
    const text = JSON.stringify(frame);
    setTimeout(() => {
      if (this.readyState === 1 && !this.server.silent) this.onmessage?.({ data: text } as never);
    }, LATENCY_MS);
  }

  /** An event as history and resume show it to this socket's user. */
  seen(event: Json): Json {
    const { clientMessageId, ...others } = event;
    return event.senderId === this.user ? event : others;
  }

  /** A live event, if the room is joined, through the spoilt network. */
  deliver(roomId: string, event: Json) {
    if (!this.joined.has(roomId)) return;
    const { random, faults } = this.server;
    if (random() < faults.lose) return;
    if (!this.delayed && random() < faults.swap) {
      this.delayed = event;
      return;
    }
    this.put(event);
    if (random() < faults.double) this.put(event);
    if (this.delayed) this.put(this.delayed);
    this.delayed = undefined;
  }
}
