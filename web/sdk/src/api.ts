// What the package offers: values, events and the client's signature. Nothing in here runs; the
// class `Starling` (index.ts) implements `Client`.
//
// Times are milliseconds of the wall clock unless a name says otherwise (`timestamp` is the
// server's ISO text, for people). `seq` counts a room's events from 1 without holes; order comes
// from it alone.

/** What the connection is doing. */
export type State =
  /** Not started, or closed by `close()`. */
  | 'idle'
  /** A socket is being opened or authenticated. */
  | 'connecting'
  /** Authenticated; rooms are live or about to be. */
  | 'online'
  /** Cut off; the next attempt is at `retryAt`, or at once by `retryNow()`. */
  | 'waiting'
  /** There is no valid token. Comes back by `login()`, `register()` or `connect()`. */
  | 'signed-out'
  /** The server does not want this client (close codes 43xx); it is left alone until `connect()`. */
  | 'refused';

export interface StateChange {
  state: State;
  /** When the next attempt begins; only while `waiting`. */
  retryAt?: number;
  /** Close code and reason of the socket that was lost, if one was. 1006 without a goodbye. */
  code?: number;
  reason?: string;
}

/** Who the server says we are. A new one comes with every connection. */
export interface Session {
  userId: number;
  username: string;
  /** Names one life of the database: `seq` of another epoch means nothing. */
  epoch: number;
  /** The longest message that the server takes, in bytes of UTF-8. */
  maxMessageBytes: number;
}

export interface User {
  id: number;
  username: string;
  createdAt: string;
  lastSeenAt: string | null;
  isOnline: boolean;
  /** Only in one's own entry. */
  email?: string;
}

export interface Message {
  id: number;
  seq: number;
  roomId: string;
  content: string;
  senderId: number;
  senderUsername: string;
  messageType: string;
  metadata?: Record<string, unknown> | undefined;
  timestamp: string;
  /** Of own messages that this client sent, or that come from history or a resume. It is that of
   * the `Pending` whose place the message takes. */
  clientMessageId?: string;
  deleted?: false;
}

/** The place of a message that was deleted before it was read here. */
export interface Tombstone {
  id: number;
  seq: number;
  roomId: string;
  deleted: true;
}

/** A message was deleted: an event of its own, with a `seq` of its own. */
export interface Deletion {
  roomId: string;
  /** The event's own number. */
  seq: number;
  /** Id and number of the message that is gone. */
  id: number;
  ofSeq: number;
  byUserId: number;
  timestamp: string;
}

/** Events that were not given: `fromSeq` to `toSeq`, both included. */
export interface Gap {
  roomId: string;
  fromSeq: number;
  toSeq: number;
  /** `too_many`: more than the client pages by itself (`fillLimit`); `history()` has them. `epoch`: the
   * database is another one. Forget everything of this room and read `history()`. */
  reason: 'too_many' | 'epoch';
}

/** A part of a room's history, oldest first. Deletions are not listed: what they took away is a
 * tombstone. */
export interface HistoryPage {
  messages: (Message | Tombstone)[];
  /** The numbers that this page covers, deletions included; both 0 if it is empty. */
  fromSeq: number;
  toSeq: number;
  /** There is more in the direction that was asked for. */
  hasMore: boolean;
}

export interface HistoryQuery {
  /** Events before this number, the newest of them. Without either: before what the client will
   * emit next, so that a page and the events behind it never overlap and never leave a hole. */
  beforeSeq?: number;
  /** Events behind this number, the oldest of them. */
  afterSeq?: number;
  /** 1 to 100 events; 50 if absent. */
  limit?: number;
}

/** A room that the user is a member of, as far as this client knows. The object stays the same until
 * `left`; its fields change before the event `room` is emitted. */
export interface Room {
  readonly roomId: string;
  /** Its events come to this client: `join()` has been called, and not `leave()`. */
  readonly joined: boolean;
  /** The last event that was emitted here; what is above comes as events. */
  readonly seq: number;
  /** The newest event that is known to exist. */
  readonly headSeq: number;
  /** Everything up to here has been read, by this user on any device. */
  readonly readSeq: number;
  /** Messages behind `readSeq`, 0 to 1,000; 1,000 means that many or more. */
  readonly unread: number;
  readonly onlineCount: number;
  /** Ids of who is there, at most 200. */
  readonly onlineUsers: ReadonlySet<number>;
}

/** A room as the server lists it. */
export interface RoomSummary {
  roomId: string;
  headSeq: number;
  onlineCount: number;
  members: number;
  createdAt: string;
}

/** A message on its way. The client keeps it until the server has answered, across reconnects and,
 * with a lasting outbox, reloads. */
export interface Pending {
  readonly clientMessageId: string;
  readonly roomId: string;
  readonly content: string;
  readonly metadata?: Record<string, unknown> | undefined;
  /** When it was written. */
  readonly createdAt: number;
  /** `failed`: the server refused it for good. `retry()` or `discard()` decide. */
  readonly state: 'pending' | 'failed';
  readonly error?: { code: ErrorCode; message: string };
}

export interface PendingChange {
  change: 'added' | 'changed' | 'removed';
  pending: Pending;
  /** With `removed`: the message that takes its place. Its own event `message` follows in the same
   * turn unless it stands before `room.seq`, where history has it. Absent: it was discarded. */
  message?: Message | undefined;
}

export interface Presence {
  roomId: string;
  onlineCount: number;
  /** Who came or went; neither when only the number is known (large rooms, after a join). */
  joined?: { userId: number; username: string };
  left?: { userId: number; username: string };
}

export interface Typing {
  roomId: string;
  userId: number;
  username: string;
  /** The server ends what is not repeated within 5 s. */
  isTyping: boolean;
}

export interface UserStatus {
  userId: number;
  username: string;
  isOnline: boolean;
  lastSeenAt: string;
}

/** Soft trouble: `degraded`, `restored`, `throttled`. */
export interface Notice {
  level: string;
  code: string;
  message: string;
}

export type ErrorCode =
  | 'bad_json' | 'unknown_type' | 'bad_request' | 'unauthenticated' | 'forbidden' | 'not_found'
  | 'not_in_room' | 'conflict' | 'too_large' | 'rate_limited' | 'unavailable' | 'internal'
  /** Ours: no answer came. The connection was cut, or there is none. */
  | 'offline';

/** What commands and calls are rejected with. */
export interface StarlingErrorInit {
  code: ErrorCode;
  message: string;
  /** The same again later may succeed. */
  retryable?: boolean;
  /** Of commands over the socket. */
  retryAfterMs?: number;
  /** Of an HTTP answer. */
  status?: number;
}

/** What `on()` can listen to. Events of one room come in the order of `seq`, each once:
 * `message`, `tombstone`, `deleted` and `gap` together leave no number out. */
export interface Events {
  state: StateChange;
  session: Session;
  message: Message;
  tombstone: Tombstone;
  deleted: Deletion;
  gap: Gap;
  /** Something of a room's numbers changed, or the room is new. */
  room: Room;
  /** The room is no longer one of ours. */
  left: { roomId: string };
  pending: PendingChange;
  presence: Presence;
  typing: Typing;
  status: UserStatus;
  notice: Notice;
  /** The token was renewed; only for who passes tokens. Keep it for the next start. */
  token: { token: string };
  /** Trouble of what has no promise (a room that cannot be entered again, storage that fails). */
  error: { code: ErrorCode; message: string; roomId?: string };
}

/** What an outbox keeps of a message. */
export interface OutboxEntry {
  clientMessageId: string;
  userId: number;
  /** The client (tab, process) that sends it. */
  owner: string;
  roomId: string;
  content: string;
  metadata?: Record<string, unknown> | undefined;
  /** Different for each entry of an owner: they are sent in this order. */
  createdAt: number;
  state: Pending['state'];
  error?: { code: ErrorCode; message: string };
}

/** Where unsent messages survive. `indexedDbOutbox()` is one; without, they live in memory. */
export interface OutboxStorage {
  /** All entries, of all users and owners. */
  load(): Promise<OutboxEntry[]>;
  put(entry: OutboxEntry): Promise<unknown>;
  remove(clientMessageId: string): Promise<unknown>;
}

/** The part of the standard WebSocket that the client needs. */
export interface Socket {
  readyState: number;
  send(text: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

export interface Options {
  /** Where the server is: `http://host:port`, no slash behind it. Default: where the page comes from. */
  url?: string;
  /** The token, or who knows it. Without one the browser's cookie counts; pages of another origin need a token. */
  token?: string | (() => string | undefined);
  outbox?: OutboxStorage;
  /** Who was signed in last time: what they left in the outbox is here before the server has been reached, and
   * what is written until then is kept as theirs. It goes out when they are signed in. */
  userId?: number;
  /** Join every room that the user is a member of as soon as it is known. A page wants that (badges
   * are exact for joined rooms), a bot rather not. What is beyond the server's number of rooms for one session is told
   * as `error`. Default: false. */
  joinMemberships?: boolean;
  /** A hole or gap of at most so many events is paged; a larger one is told. Default: 1,000. */
  fillLimit?: number;
  /** Default: the platform's. Node before 22 has none; the class of `ws` fits. */
  WebSocket?: new (url: string, protocol: string) => Socket;
  fetch?: typeof fetch;
  /** Milliseconds of the wall clock. Default: Date.now. */
  now?: () => number;
  /** 0 to 1. Default: Math.random. */
  random?: () => number;
}

/** One user's connection to the server: it comes back by itself and resumes where it was. */
export interface Client {
  readonly state: State;
  /** When the next attempt begins; undefined unless `waiting`. */
  readonly retryAt: number | undefined;
  /** Undefined until the first time online. */
  readonly session: Session | undefined;
  /** Memberships and joined rooms by id, as far as known. `rooms()` asks for those of the server. */
  readonly memberships: ReadonlyMap<string, Room>;

  /** Starts, or starts again after `signed-out` or `refused`. */
  connect(): void;
  /** Ends the connection; rooms and outbox stay, `connect()` resumes. */
  close(): void;
  /** While waiting: tries now. */
  retryNow(): void;
  /** Returns what undoes it. A handler that throws does not disturb others. */
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): () => void;

  // Identity, over REST. They reject with StarlingError. Both of the first two connect.
  register(username: string, email: string, password?: string): Promise<User>;
  login(username: string, password: string): Promise<User>;
  /** Revokes the token; also this user's other tabs end. State: `signed-out`, whatever came of the call. */
  logout(): Promise<void>;
  /** Asks for a fresh token before the present one ends. Done by the client itself in time. */
  renew(): Promise<void>;

  // Rooms.
  /** All rooms of the server, in pages: those behind the room `after`. */
  rooms(query?: { limit?: number; after?: string }): Promise<RoomSummary[]>;
  /** Somebody. */
  user(id: number): Promise<User>;
  /** Enters a room (making it, if it is new) and follows it until `leave()`, across reconnects. With
   * `afterSeq` the events behind it come first; without, events begin behind the head. Resolves with the
   * first `room_joined`, however long that takes; rejects only when the server refuses for good. */
  join(roomId: string, options?: { afterSeq?: number }): Promise<Room>;
  /** Ends the membership. */
  leave(roomId: string): Promise<void>;
  history(roomId: string, query?: HistoryQuery): Promise<HistoryPage>;
  /** One's own message, by id. */
  deleteMessage(id: number): Promise<void>;
  /** Notes that everything up to `seq` has been read. At most one command a second and room; what is
   * lower than before does nothing. `room.unread` falls at once. */
  markRead(roomId: string, seq: number): void;
  /** Say it as often as a key is pressed: at most one command in 3 s goes out. Sending a message
   * ends it. */
  setTyping(roomId: string, isTyping: boolean): void;

  // Messages.
  /** Takes it also offline; throws only when 1,000 messages wait already. The messages of a room are sent one after the other, so
   * that no refusal lets a later one overtake. */
  send(roomId: string, content: string, metadata?: Record<string, unknown>): Pending;
  /** What is on its way or failed, in the order of writing. */
  pending(roomId?: string): Pending[];
  /** Tries a failed one again, as the newest. */
  retry(clientMessageId: string): void;
  /** Forgets a message. One that is on its way may arrive nevertheless. */
  discard(clientMessageId: string): void;
}
