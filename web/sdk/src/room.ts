// One room as this client follows it: events in the order of seq, each once, and the numbers that
// people look at.
//
// `seq` is the last event that was emitted. What comes further ahead is held; a hole in front of it is
// paged from the archive if it is small enough, and otherwise told as a gap. After a cut everything held
// is thrown away, and the server begins behind `seq`.
import type { Gap, Options, Presence, Room, Session } from './api.js';
import type { Emit } from './emitter.js';
import type { StarlingError } from './error.js';
import type { Comings, GapFrame, MessageSent, ReadUpdate, RecentMessages, RoomEvent, RoomJoined } from './frames.js';
import type { Link } from './link.js';
import type { Outbox } from './outbox.js';
import { createUnreadCount } from './unread.js';

const MAX_HELD = 2_000; // events; what is beyond is paged later
const FILL_LIMIT = 1_000; // events
const PAGE = 100; // events; the server gives no more at once
const MARK_MS = 400; // between two marks of one room; badges elsewhere are right within a second
const TYPING_MS = 3_000; // between two commands that say the same

export interface RoomContext {
  link: Link;
  outbox: Outbox;
  emit: Emit;
  options: Options;
  session(): Session;
}

/** A room as users see it, and what the client does with it. */
export type RoomState = ReturnType<typeof createRoom>;

export function createRoom(roomId: string, { link, outbox, emit, options, session }: RoomContext) {
  const { now = Date.now, fillLimit = FILL_LIMIT } = options;
  let count = createUnreadCount();
  let countEpoch: number | undefined; // that `count` belongs to
  let seqEpoch: number | undefined; // that `seq` belongs to
  let started = false; // `seq` is known
  let live = false; // entered on this connection
  let missingTo = 0; // events up to here exist and will not come by themselves
  let filling = false;
  let marked = 0; // the read mark that the server has, or will have
  let markTimer: ReturnType<typeof setTimeout> | undefined;
  let typingSince = 0;
  const held = new Map<number, RoomEvent>();
  const sent = new Map<number, string>(); // own messages whose event is to come: seq → clientMessageId
  const waiters: ((error?: StarlingError) => void)[] = [];

  const room = {
    roomId,
    joined: false,
    seq: 0,
    onlineCount: 0,
    onlineUsers: new Set<number>(),
    get headSeq() {
      return Math.max(room.seq, count.seen);
    },
    get readSeq() {
      return count.readSeq;
    },
    get unread() {
      return count.value;
    },
  };

  // ---- coming and going ------------------------------------------------------------------------

  /** Resolves when the room is live. */
  function join(afterSeq?: number): Promise<Room> {
    if (!started && afterSeq! >= 0) {
      room.seq = afterSeq!;
      started = true;
    }
    const again = room.joined;
    room.joined = true;
    return new Promise((resolve, reject) => {
      waiters.push((error) => (error ? reject(error) : resolve(room)));
      if (live) answer();
      else if (!again) enter();
    });
  }

  function answer(error?: StarlingError) {
    for (const waiter of waiters.splice(0)) waiter(error);
  }

  function enter() {
    const afterSeq = started ? room.seq : undefined;
    link.ask({ type: 'join_room', roomId, afterSeq, epoch: seqEpoch }, (error, frame) => {
      if (error?.code === 'offline') return; // the next connection enters
      if (!error) {
        entered(frame as RoomJoined);
        return;
      }
      room.joined = false;
      if (!waiters.length) emit('error', { code: error.code, message: error.message, roomId });
      answer(error);
    });
  }

  function entered(frame: RoomJoined) {
    live = true;
    if (!started) room.seq = frame.headSeq;
    started = true;
    seqEpoch ??= session().epoch; // another one is told by a gap
    numbers(frame);
    mark();
    room.onlineUsers = new Set(frame.onlineUsers);
    people(frame.onlineCount);
    answer();
    drain();
    emit('room', room);
    outbox.pump();
  }

  function lost() {
    live = filling = false;
    held.clear();
    missingTo = typingSince = 0;
  }

  // ---- events ----------------------------------------------------------------------------------

  // What is beyond the limit is noted, to be paged. False: it is not needed.
  function hold(event: RoomEvent, limit: number): boolean {
    const { seq } = event;
    if (seq <= room.seq && started) return false;
    if (held.size < limit) held.set(seq, event);
    else missingTo = Math.max(missingTo, seq);
    return true;
  }

  /** Emits what stands next in line. */
  function drain() {
    if (!started) return;
    const before = room.seq;
    for (let event; (event = held.get(room.seq + 1)); ) {
      if (!identified(event)) break;
      held.delete(event.seq);
      room.seq = event.seq;
      tell(event);
    }
    mend();
    if (room.seq !== before) emit('room', room);
  }

  // Live events do not say which of our sends they are; the answer to the send does, with the number. An
  // event that may be the one in flight waits for it. False: not known yet.
  function identified(event: RoomEvent): boolean {
    if (event.type !== 'chat_message' || event.deleted || event.senderId !== session().userId) return true;
    const clientMessageId = event.clientMessageId ?? sent.get(event.seq);
    if (clientMessageId) event.clientMessageId = clientMessageId;
    return !!clientMessageId || outbox.sending(roomId) !== event.content;
  }

  function tell(event: RoomEvent) {
    const { seq, type } = event;
    count.add(seq, type === 'chat_message');
    if (type === 'message_deleted') {
      emit('deleted', event);
    } else if (event.deleted) {
      emit('tombstone', event);
    } else {
      if (event.senderId === session().userId) count.read(seq);
      if (event.clientMessageId) outbox.settle(event.clientMessageId, event);
      emit('message', event);
    }
    settleUpTo(seq);
  }

  // Messages of ours whose own event was left out, or is a tombstone by now.
  function settleUpTo(last: number) {
    for (const [seq, clientMessageId] of sent) {
      if (seq > last) continue;
      sent.delete(seq);
      outbox.settle(clientMessageId);
    }
  }

  // ---- holes -----------------------------------------------------------------------------------

  function mend() {
    if (!live || filling || held.has(room.seq + 1)) return;
    const last = held.size ? Math.min(...held.keys()) - 1 : missingTo;
    const missing = last - room.seq;
    if (missing <= 0) return;
    if (missing <= fillLimit) fill(missing);
    else skipTo(last);
  }

  function fill(missing: number) {
    const afterSeq = room.seq;
    filling = true;
    const command = { type: 'get_recent_messages', roomId, afterSeq, limit: Math.min(missing, PAGE) };
    link.ask(command, (error, frame) => {
      if (error?.code === 'offline') return; // lost() follows
      filling = false;
      const messages = error ? [] : (frame as RecentMessages).messages;
      for (const event of messages) hold(event, Infinity);
      if (messages.length) drain();
      else skipTo(afterSeq + missing);
    });
  }

  function skipTo(toSeq: number, reason: Gap['reason'] = 'too_many', fromSeq = room.seq + 1) {
    room.seq = toSeq;
    count.add(toSeq, false);
    settleUpTo(toSeq);
    emit('gap', { roomId, fromSeq, toSeq, reason });
    marked = -1;
    mark(); // the answer counts what was left out
    drain();
  }

  function gap({ fromSeq, toSeq, reason }: GapFrame) {
    if (reason !== 'epoch') {
      missingTo = Math.max(missingTo, toSeq);
      drain();
      return;
    }
    // Another database: numbers begin anew.
    settleUpTo(Infinity);
    held.clear();
    missingTo = 0;
    seqEpoch = session().epoch;
    count = createUnreadCount();
    skipTo(toSeq, reason, fromSeq);
  }

  // ---- read marks ------------------------------------------------------------------------------

  const isMember = (epoch: number) => countEpoch === epoch;

  // The server's count, at a head.
  function numbers({ headSeq, readSeq, unread }: { headSeq: number; readSeq: number; unread: number }) {
    const { epoch } = session();
    if (!isMember(epoch)) count = createUnreadCount();
    countEpoch = epoch;
    count.told(headSeq, readSeq, unread);
    marked = readSeq;
  }

  // Tells the server what has been read, if it does not know.
  function mark() {
    if (room.readSeq <= marked) return;
    clearTimeout(markTimer);
    markTimer = setTimeout(() => {
      markTimer = undefined;
      mark();
    }, MARK_MS);
    marked = room.readSeq;
    link.ask({ type: 'mark_read', roomId, seq: marked }, (error, frame) => {
      if (!error) readTold(frame as ReadUpdate);
    });
  }

  function readTold({ seq, unread, headSeq }: ReadUpdate) {
    const before = room.unread;
    const { readSeq } = room;
    count.told(headSeq, seq, unread);
    if (room.unread !== before || room.readSeq !== readSeq) emit('room', room);
  }

  // ---- people ----------------------------------------------------------------------------------

  // `who` came or went, if it is about one.
  function people(onlineCount: number, who?: Pick<Presence, 'joined' | 'left'>) {
    room.onlineCount = onlineCount;
    emit('presence', { roomId, onlineCount, ...who });
  }

  function cameOrWent({ type, userId, username, onlineCount }: Comings) {
    const came = type === 'user_joined';
    room.onlineUsers[came ? 'add' : 'delete'](userId);
    people(onlineCount, { [came ? 'joined' : 'left']: { userId, username } });
  }

  function offer(event: RoomEvent) {
    if (hold(event, MAX_HELD)) drain();
  }

  return Object.assign(room, {
    /** The user is a member, by what the server of this epoch said. */
    isMember,
    isLive: () => live,
    /** May messages go out? Not while the room is being entered. */
    isOpen: () => live || !room.joined,
    join,
    lost,
    drain,
    numbers,
    /** What is done with frames, by type. */
    frames: {
      chat_message: offer,
      message_deleted: offer,
      gap,
      read_update: readTold,
      user_joined: cameOrWent,
      user_left: cameOrWent,
      presence_count: ({ onlineCount }: { onlineCount: number }) => people(onlineCount),
    } as { [type: string]: (frame: never) => void },
    /** A new connection. */
    online() {
      room.joined ||= !!options.joinMemberships && isMember(session().epoch);
      if (room.joined) enter();
      else mark();
    },
    /** The room is none of ours any more. */
    left() {
      lost();
      room.joined = false;
      clearTimeout(markTimer);
      settleUpTo(Infinity);
      emit('left', { roomId });
    },
    /** The server took one of our messages. True if its event is to come. */
    acknowledged({ seq, clientMessageId }: MessageSent): boolean {
      if (!live || seq <= room.seq) return false;
      sent.set(seq, clientMessageId);
      drain();
      return true;
    },
    markRead(seq: number) {
      if (!count.read(Math.min(seq, room.headSeq))) return;
      emit('room', room);
      if (!markTimer) mark();
    },
    setTyping(isTyping: boolean) {
      if (isTyping ? now() - typingSince < TYPING_MS : !typingSince) return;
      typingSince = isTyping ? now() : 0;
      link.put({ type: 'typing', roomId, isTyping });
    },
  });
}
