// One room as this client follows it: events in the order of seq, each once, and the numbers that
// people look at.
//
// `seq` is the last event that was emitted. What comes further ahead is held; a hole in front of it is
// paged from the archive if it is small enough, and otherwise told as a gap. After a cut everything held
// is thrown away, and the server begins behind `seq`.
import type { Room } from './api.js';
import type { Emit } from './emitter.js';
import type { StarlingError } from './error.js';
import type { GapFrame, MessageSent, ReadUpdate, RecentMessages, RoomEvent, RoomJoined } from './frames.js';
import { type Link, pauseMs } from './link.js';
import type { Outbox } from './outbox.js';
import { UnreadCount } from './unread.js';

const MAX_HELD = 2_000; // events; what is beyond is paged later
const PAGE = 100; // events; the server gives no more at once
const MARK_MS = 1_000; // between two marks of one room
const TYPING_MS = 3_000; // between two commands that say the same

export interface RoomContext {
  link: Link;
  outbox: Outbox;
  emit: Emit;
  now: () => number;
  fillLimit: number;
  userId(): number;
  epoch(): number;
}

interface Waiter {
  resolve(room: Room): void;
  reject(error: StarlingError): void;
}

export class RoomState implements Room {
  joined = false;
  /** The user is a member, by what the server said last. */
  member = false;
  /** Entered on this connection. */
  live = false;
  seq = 0;
  onlineCount = 0;
  onlineUsers: Set<number> = new Set();

  readonly roomId: string;
  readonly #context: RoomContext;
  #count = new UnreadCount();
  #epoch: number | undefined; // that `seq` belongs to
  #countEpoch: number | undefined; // that `count` belongs to
  #started = false; // `seq` is known
  #held = new Map<number, RoomEvent>();
  #missingTo = 0; // events up to here exist and will not come by themselves
  #missingWhy: GapFrame['reason'] = 'too_many';
  #filling = false;
  #sent = new Map<number, string>(); // own messages whose event is to come: seq → clientMessageId
  #waiters: Waiter[] = [];
  #marked = 0; // the read mark that the server has, or will have
  #markTimer: ReturnType<typeof setTimeout> | undefined;
  #typingSince = 0;

  constructor(roomId: string, context: RoomContext) {
    this.roomId = roomId;
    this.#context = context;
  }

  get headSeq() {
    return Math.max(this.seq, this.#count.seen);
  }
  get readSeq() {
    return this.#count.readSeq;
  }
  get unread() {
    return this.#count.value;
  }

  // ---- coming and going ------------------------------------------------------------------------

  /** Resolves when the room is live. */
  join(afterSeq: number | undefined): Promise<Room> {
    if (afterSeq !== undefined && !this.#started) {
      this.seq = afterSeq;
      this.#started = true;
    }
    const again = this.joined;
    this.joined = true;
    if (this.live) return Promise.resolve(this);
    return new Promise((resolve, reject) => {
      this.#waiters.push({ resolve, reject });
      if (!again) this.#enter();
    });
  }

  /** A new connection. */
  online() {
    if (this.joined) this.#enter();
    else if (this.readSeq > this.#marked) this.#mark();
  }

  #enter() {
    const { link, emit } = this.#context;
    const afterSeq = this.#started ? this.seq : undefined;
    const command = { type: 'join_room', roomId: this.roomId, afterSeq, epoch: this.#epoch };
    link.ask(command, (error, frame) => {
      if (!this.joined || error?.code === 'offline') return; // the next connection enters
      if (!error) {
        this.#entered(frame as RoomJoined);
      } else if (error.retryable) {
        setTimeout(() => this.joined && !this.live && this.#enter(), pauseMs(error));
      } else {
        this.joined = false;
        if (!this.#waiters.length) emit('error', { code: error.code, message: error.message, roomId: this.roomId });
        for (const { reject } of this.#waiters.splice(0)) reject(error);
      }
    });
  }

  #entered(frame: RoomJoined) {
    const { outbox, emit } = this.#context;
    this.live = true;
    this.member = true;
    if (!this.#started) this.seq = frame.headSeq;
    this.#started = true;
    this.#epoch ??= this.#context.epoch(); // another one is told by a gap
    this.numbers(frame);
    if (this.readSeq > this.#marked) this.#mark();
    this.people(frame.onlineCount, frame.onlineUsers);
    for (const { resolve } of this.#waiters.splice(0)) resolve(this);
    this.drain();
    emit('room', this);
    outbox.pump();
  }

  /** The connection is gone. */
  lost() {
    this.live = this.#filling = false;
    this.#held.clear();
    this.#missingTo = 0;
    this.#typingSince = 0;
  }

  /** The room is none of ours any more. */
  left() {
    this.lost();
    this.joined = false;
    clearTimeout(this.#markTimer);
    this.#settleUpTo(Infinity);
    this.#context.emit('left', { roomId: this.roomId });
  }

  // ---- events ----------------------------------------------------------------------------------

  offer(event: RoomEvent) {
    if (this.#hold(event, MAX_HELD)) this.drain();
  }

  // False: it is not needed, or not now.
  #hold(event: RoomEvent, limit: number): boolean {
    if (event.seq <= this.seq && this.#started) return false;
    if (this.#held.size < limit) this.#held.set(event.seq, event);
    else this.#missingTo = Math.max(this.#missingTo, event.seq);
    return true;
  }

  gap(frame: GapFrame) {
    const { toSeq, reason } = frame;
    if (reason === 'epoch') {
      this.#restart(toSeq);
      this.#context.emit('gap', { roomId: this.roomId, fromSeq: frame.fromSeq, toSeq, reason });
      return;
    }
    this.#missingTo = Math.max(this.#missingTo, toSeq);
    this.#missingWhy = reason;
    this.drain();
  }

  /** The server took one of our messages: its event comes, or came before. True if it is to come. */
  acknowledged({ seq, clientMessageId }: MessageSent): boolean {
    if (!this.live || seq <= this.seq) return false;
    this.#sent.set(seq, clientMessageId);
    this.drain();
    return true;
  }

  /** Emits what stands next in line. */
  drain() {
    if (!this.#started) return;
    const before = this.seq;
    for (let event; (event = this.#held.get(this.seq + 1)); ) {
      if (!this.#identified(event)) break;
      this.#held.delete(event.seq);
      this.seq = event.seq;
      this.#tell(event);
    }
    this.#mend();
    if (this.seq !== before) this.#context.emit('room', this);
  }

  // Live events do not say which of our sends they are; the answer to the send does, with the number. An
  // event that may be the one in flight waits for it. False: not known yet.
  #identified(event: RoomEvent): boolean {
    if (event.type !== 'chat_message' || event.deleted || event.senderId !== this.#context.userId()) return true;
    const clientMessageId = event.clientMessageId ?? this.#sent.get(event.seq);
    if (clientMessageId) event.clientMessageId = clientMessageId;
    return !!clientMessageId || this.#context.outbox.sending(this.roomId) !== event.content;
  }

  #tell(event: RoomEvent) {
    const { emit, outbox, userId } = this.#context;
    const isMessage = event.type === 'chat_message';
    this.#count.add(event.seq, isMessage);
    if (!isMessage) {
      emit('deleted', event);
    } else if (event.deleted) {
      emit('tombstone', event);
    } else {
      if (event.senderId === userId()) this.#count.read(event.seq);
      if (event.clientMessageId) outbox.settle(event.clientMessageId, event);
      emit('message', event);
    }
    this.#sent.delete(event.seq);
  }

  // What stood behind no event of its own: its place was left out.
  #settleUpTo(seq: number) {
    for (const [at, clientMessageId] of this.#sent) {
      if (at > seq) continue;
      this.#sent.delete(at);
      this.#context.outbox.settle(clientMessageId);
    }
  }

  // ---- holes -----------------------------------------------------------------------------------

  #mend() {
    if (!this.live || this.#filling || this.#held.has(this.seq + 1)) return;
    const last = this.#held.size ? Math.min(...this.#held.keys()) - 1 : this.#missingTo;
    const missing = last - this.seq;
    if (missing <= 0) return;
    if (missing <= this.#context.fillLimit) this.#fill(missing);
    else this.#skipTo(last);
  }

  #fill(missing: number) {
    this.#filling = true;
    const afterSeq = this.seq;
    const command = { type: 'get_recent_messages', roomId: this.roomId, afterSeq, limit: Math.min(missing, PAGE) };
    this.#context.link.ask(command, (error, frame) => {
      if (error?.code === 'offline') return; // lost() has been here
      this.#filling = false;
      const messages = error ? [] : (frame as RecentMessages).messages;
      for (const event of messages) this.#hold(event, Infinity);
      if (error?.retryable) setTimeout(() => this.#mend(), pauseMs(error));
      else if (messages.length) this.drain();
      else this.#skipTo(afterSeq + missing);
    });
  }

  #skipTo(toSeq: number) {
    const gap = { roomId: this.roomId, fromSeq: this.seq + 1, toSeq, reason: this.#missingWhy };
    const uncounted = toSeq > this.#count.seen;
    this.seq = toSeq;
    this.#count.add(toSeq, false);
    this.#settleUpTo(toSeq);
    this.#context.emit('gap', gap);
    if (uncounted) this.#mark(); // the answer counts what was left out
    this.drain();
  }

  // Another database: numbers begin anew.
  #restart(seq: number) {
    this.#settleUpTo(Infinity);
    this.#held.clear();
    this.#missingTo = 0;
    this.seq = seq;
    this.#epoch = this.#context.epoch();
    this.#count = new UnreadCount();
    this.#count.add(seq, false);
    this.#mark();
  }

  // ---- read marks ------------------------------------------------------------------------------

  /** The server's count, at a head. */
  numbers({ headSeq, readSeq, unread }: { headSeq: number; readSeq: number; unread: number }) {
    const epoch = this.#context.epoch();
    if (this.#countEpoch !== epoch) this.#count = new UnreadCount();
    this.#countEpoch = epoch;
    this.#count.told(headSeq, readSeq, unread);
    this.#marked = readSeq;
  }

  markRead(seq: number) {
    if (!this.#count.read(Math.min(seq, this.headSeq))) return;
    this.#context.emit('room', this);
    if (!this.#markTimer) this.#mark();
  }

  #mark() {
    clearTimeout(this.#markTimer);
    this.#markTimer = setTimeout(() => {
      this.#markTimer = undefined;
      if (this.readSeq > this.#marked) this.#mark();
    }, MARK_MS);
    this.#marked = this.readSeq;
    this.#context.link.ask({ type: 'mark_read', roomId: this.roomId, seq: this.readSeq }, (error, frame) => {
      if (!error) this.readTold(frame as ReadUpdate);
      else if (error.retryable) setTimeout(() => this.live && this.#mark(), pauseMs(error));
    });
  }

  readTold({ seq, unread, headSeq }: ReadUpdate) {
    const before = [this.readSeq, this.unread].join();
    this.#count.told(headSeq, seq, unread);
    if ([this.readSeq, this.unread].join() !== before) this.#context.emit('room', this);
  }

  // ---- people ----------------------------------------------------------------------------------

  people(onlineCount: number, ids?: Iterable<number>) {
    this.onlineCount = onlineCount;
    if (ids) this.onlineUsers = new Set(ids);
    this.#context.emit('presence', { roomId: this.roomId, onlineCount });
  }

  cameOrWent(came: boolean, userId: number, username: string, onlineCount: number) {
    this.onlineCount = onlineCount;
    if (came) this.onlineUsers.add(userId);
    else this.onlineUsers.delete(userId);
    const who = { userId, username };
    this.#context.emit('presence', { roomId: this.roomId, onlineCount, ...(came ? { joined: who } : { left: who }) });
  }

  setTyping(isTyping: boolean) {
    const now = this.#context.now();
    if (isTyping ? now - this.#typingSince < TYPING_MS : !this.#typingSince) return;
    this.#typingSince = isTyping ? now : 0;
    this.#context.link.put({ type: 'typing', roomId: this.roomId, isTyping });
  }
}
