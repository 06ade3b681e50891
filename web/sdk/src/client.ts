// The client: frames and calls in, the user's rooms and events out. It only connects the parts.
import type {
  Client, Events, HistoryPage, HistoryQuery, Message, Options, Room, RoomSummary, Session, Tombstone, User,
} from './api.js';
import { createEmitter } from './emitter.js';
import type { AuthSuccess, Frame, RecentMessages, Welcome } from './frames.js';
import { createLink, type Link } from './link.js';
import { createOutbox, type Outbox } from './outbox.js';
import { createRest, RENEW_AT, type Rest } from './rest.js';
import { type RoomContext, RoomState } from './room.js';

const FILL_LIMIT = 1_000; // events
const HISTORY_LIMIT = 50; // events

export class Starling implements Client {
  session: Session | undefined;
  readonly memberships: ReadonlyMap<string, Room>;

  readonly #rest: Rest;
  readonly #link: Link;
  readonly #outbox: Outbox;
  readonly #roomStates = new Map<string, RoomState>();
  readonly #emitter = createEmitter();
  readonly #context: RoomContext;
  readonly #options: Options;

  constructor(options: Options = {}) {
    this.#options = options;
    this.memberships = this.#roomStates;
    const url = (options.url ?? location.origin).replace(/\/$/, '');
    const { emit } = this.#emitter;
    const userId = () => this.session?.userId ?? 0;
    // A live socket is told of its new token, or it would end with the old one.
    this.#rest = createRest(url, options, emit, (token) => this.#link.put({ type: 'auth', token }));
    this.#link = createLink(url.replace(/^http/, 'ws') + '/ws', options, {
      token: this.#rest.token,
      greeted: (session, limits) => this.#greeted(session, limits),
      online: () => this.#online(),
      received: (frame) => this.#received(frame),
      lost: () => {
        this.#outbox.lost();
        for (const room of this.#roomStates.values()) room.lost();
      },
      changed: (change) => {
        this.#rest.watch(change.state === 'online');
        emit('state', change);
      },
      renew: () => this.#renewed(),
    });
    this.#outbox = createOutbox(options, this.#link, emit, {
      userId,
      username: () => this.session!.username,
      open: (roomId) => {
        const room = this.#roomStates.get(roomId);
        return !room?.joined || room.live;
      },
      sent: (frame) => this.#roomStates.get(frame.roomId)?.acknowledged(frame) ?? false,
      idle: (roomId) => this.#roomStates.get(roomId)?.drain(),
    });
    this.#context = {
      link: this.#link,
      outbox: this.#outbox,
      emit,
      now: options.now ?? Date.now,
      fillLimit: options.fillLimit ?? FILL_LIMIT,
      userId,
      epoch: () => this.session!.epoch,
    };
    // Another tab signed out.
    if (this.#rest.byCookie) {
      addEventListener('storage', ({ key, newValue }) => {
        if (key === RENEW_AT && newValue === null && this.session) this.#link.close('signed-out');
      });
    }
  }

  get state() {
    return this.#link.state;
  }
  get retryAt() {
    return this.#link.retryAt;
  }
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void) {
    return this.#emitter.on(name, handler);
  }
  connect() {
    this.#link.connect();
  }
  close() {
    this.#link.close();
  }
  retryNow() {
    this.#link.retryNow();
  }

  // ---- identity --------------------------------------------------------------------------------

  register(username: string, email: string, password?: string) {
    return this.#enter('/api/users', { username, email, password });
  }

  login(username: string, password: string) {
    return this.#enter('/api/sessions', { username, password });
  }

  async #enter(path: string, body: unknown): Promise<User> {
    const user = await this.#rest.enter(path, body);
    this.#link.close();
    this.#link.connect();
    return user;
  }

  async logout() {
    try {
      await this.#rest.call('DELETE', '/api/sessions');
    } finally {
      this.#rest.forget();
      this.#link.close('signed-out');
    }
  }

  renew() {
    return this.#rest.renew();
  }

  // The server ended the session: is there a token that it takes?
  async #renewed(): Promise<boolean> {
    try {
      await this.#rest.renew();
      return true;
    } catch (error) {
      const { retryable } = error as { retryable: boolean };
      if (retryable) throw error;
      this.#rest.forget();
      return false;
    }
  }

  // ---- frames ----------------------------------------------------------------------------------

  #greeted({ userId, username, epoch, rooms }: AuthSuccess, limits: Welcome['limits']) {
    const before = this.session;
    this.session = { userId, username, epoch, maxMessageBytes: limits.maxMessageBytes };
    const listed = new Set(rooms.map((room) => room.roomId));
    for (const [roomId, room] of this.#roomStates) {
      // Another user's; or left on another device, if it was a membership of this database.
      const stranger = before && before.userId !== userId;
      if (stranger || (!listed.has(roomId) && room.member && before?.epoch === epoch)) this.#forget(room);
    }
    this.#emitter.emit('session', this.session);
    let places = limits.maxRooms;
    for (const numbers of rooms) {
      const room = this.#room(numbers.roomId);
      room.member = true;
      room.numbers(numbers);
      if (this.#options.joinMemberships && places-- > 0) room.joined = true;
      this.#emitter.emit('room', room);
    }
  }

  #online() {
    for (const room of this.#roomStates.values()) room.online();
    this.#outbox.start();
  }

  #received(frame: Frame) {
    const { emit } = this.#emitter;
    const room = 'roomId' in frame ? this.#roomStates.get(frame.roomId) : undefined;
    switch (frame.type) {
      case 'chat_message':
      case 'message_deleted':
        return room?.offer(frame);
      case 'gap':
        return room?.gap(frame);
      case 'read_update':
        return room?.readTold(frame);
      case 'user_joined':
      case 'user_left':
        return room?.cameOrWent(frame.type === 'user_joined', frame.userId, frame.username, frame.onlineCount);
      case 'presence_count':
        return room?.people(frame.onlineCount);
      case 'typing':
        return emit('typing', frame);
      case 'user_status':
        return emit('status', frame);
      case 'notice':
        return emit('notice', frame);
      case 'error':
        return emit('error', frame);
    }
  }

  #room(roomId: string): RoomState {
    let room = this.#roomStates.get(roomId);
    if (!room) this.#roomStates.set(roomId, (room = new RoomState(roomId, this.#context)));
    return room;
  }

  #forget(room: RoomState) {
    this.#roomStates.delete(room.roomId);
    room.left();
  }

  // ---- rooms -----------------------------------------------------------------------------------

  async rooms({ limit, after }: { limit?: number; after?: string } = {}): Promise<RoomSummary[]> {
    const query = new URLSearchParams({ ...(limit && { limit: String(limit) }), ...(after && { after }) });
    return (await this.#rest.call<{ rooms: RoomSummary[] }>('GET', `/api/rooms?${query}`)).rooms;
  }

  user(idOrName: number | string): Promise<User> {
    const by = typeof idOrName === 'number' ? idOrName : `username/${encodeURIComponent(idOrName)}`;
    return this.#rest.call('GET', `/api/users/${by}`);
  }

  join(roomId: string, { afterSeq }: { afterSeq?: number } = {}): Promise<Room> {
    return this.#room(roomId).join(afterSeq);
  }

  async leave(roomId: string) {
    await this.#link.request({ type: 'leave_room', roomId });
    const room = this.#roomStates.get(roomId);
    if (room) this.#forget(room);
  }

  async history(roomId: string, query: HistoryQuery = {}): Promise<HistoryPage> {
    const { afterSeq, limit = HISTORY_LIMIT } = query;
    const room = this.#roomStates.get(roomId);
    const next = room?.live ? room.seq + 1 : undefined;
    const beforeSeq = query.beforeSeq ?? (afterSeq === undefined ? next : undefined);
    const command = { type: 'get_recent_messages', roomId, beforeSeq, afterSeq, limit };
    const { messages, fromSeq, toSeq, hasMore } = (await this.#link.request(command)) as RecentMessages;
    const shown = messages.filter((event): event is typeof event & (Message | Tombstone) => event.type === 'chat_message');
    return { messages: shown, fromSeq, toSeq, hasMore };
  }

  async deleteMessage(id: number) {
    await this.#rest.call('DELETE', `/api/messages/${id}`);
  }

  markRead(roomId: string, seq: number) {
    this.#roomStates.get(roomId)?.markRead(seq);
  }

  setTyping(roomId: string, isTyping: boolean) {
    this.#roomStates.get(roomId)?.setTyping(isTyping);
  }

  // ---- messages --------------------------------------------------------------------------------

  send(roomId: string, content: string, metadata?: Record<string, unknown>) {
    this.setTyping(roomId, false);
    return this.#outbox.send(roomId, content, metadata);
  }
  pending(roomId?: string) {
    return this.#outbox.list(roomId);
  }
  retry(clientMessageId: string) {
    this.#outbox.retry(clientMessageId);
  }
  discard(clientMessageId: string) {
    this.#outbox.discard(clientMessageId);
  }
}
