// The client: frames and calls in, the user's rooms and events out. It only connects the parts.
import type { Client, Events, Message, Options, RoomSummary, Session, Tombstone, User } from './api.js';
import { createEmitter } from './emitter.js';
import type { AuthSuccess, Frame, RecentMessages, Welcome } from './frames.js';
import { createLink, type Link } from './link.js';
import { createOutbox, type Outbox } from './outbox.js';
import { createRest, RENEW_AT } from './rest.js';
import { createRoom, type RoomContext, type RoomState } from './room.js';

const HISTORY_LIMIT = 50; // events

// A closure and no class with fields: what is private cannot be reached, and costs no bytes for names. A
// function that returns an object serves `new` as well.
function createClient(options: Options = {}): Client {
  const url = options.url ?? location.origin;
  const { emit, on } = createEmitter();
  const states = new Map<string, RoomState>();
  let session: Session | undefined;

  const rest = createRest(url, options, emit);
  const { call } = rest;

  const link: Link = createLink(url.replace('http', 'ws') + '/ws', options, {
    token: rest.token,
    greeted,
    online() {
      for (const state of states.values()) state.online();
      void outbox.start();
    },
    beat() {
      if (rest.isOld()) renew().catch(() => {});
    },
    received,
    lost() {
      outbox.lost();
      for (const state of states.values()) state.lost();
    },
    changed(change) {
      if (change.state === 'signed-out') rest.forget();
      emit('state', change);
    },
  });

  const outbox: Outbox = createOutbox(options, link, emit, () => session, states);

  const context: RoomContext = { link, outbox, emit, options, session: () => session! };

  // Another tab signed out.
  if (rest.byCookie) {
    addEventListener('storage', ({ key, newValue }) => {
      if (key === RENEW_AT && !newValue) link.close('signed-out');
    });
  }

  function stateOf(roomId: string): RoomState {
    let state = states.get(roomId);
    if (!state) {
      state = createRoom(roomId, context);
      states.set(roomId, state);
    }
    return state;
  }

  function forget(roomId: string) {
    const state = states.get(roomId);
    states.delete(roomId);
    state?.left();
  }

  // ---- frames ----------------------------------------------------------------------------------

  function greeted({ userId, username, epoch, rooms }: AuthSuccess, limits: Welcome['limits']) {
    const before = session;
    session = { userId, username, epoch, maxMessageBytes: limits.maxMessageBytes };
    for (const [roomId, { isMember }] of states) {
      // Another user's; or left on another device, if it was a membership of this database.
      const isLeft = isMember(epoch) && !rooms.some((room) => room.roomId === roomId);
      if ((before && before.userId !== userId) || isLeft) forget(roomId);
    }
    for (const room of rooms) stateOf(room.roomId).numbers(room);
    emit('session', session); // whoever hears of it finds the memberships as they are
    for (const { roomId } of rooms) emit('room', stateOf(roomId));
  }

  // What no room knows what to do with is an event as it is.
  function received(frame: Frame) {
    const { type, roomId } = frame as { type: string; roomId?: string };
    const handler = states.get(roomId!)?.frames[type];
    if (handler) handler(frame as never);
    else emit(type.replace('user_', '') as keyof Events, frame as never); // user_status: status
  }

  // A live socket is told of its new token, or it would end with the old one.
  async function renew() {
    const token = await rest.renew();
    link.put({ type: 'auth', token });
  }

  async function enter(path: string, body: unknown): Promise<User> {
    const user = await rest.enter(path, body);
    link.close();
    link.connect();
    return user;
  }

  return {
    get state() {
      return link.change().state;
    },
    get retryAt() {
      return link.change().retryAt;
    },
    get session() {
      return session;
    },
    memberships: states,
    on,
    connect: link.connect,
    close: () => link.close(),
    retryNow: link.retryNow,

    register: (username, email, password) => enter('/api/users', { username, email, password }),
    login: (username, password) => enter('/api/sessions', { username, password }),
    async logout() {
      try {
        await call('DELETE', '/api/sessions');
      } finally {
        link.close('signed-out');
      }
    },
    renew,

    async rooms({ limit = 100, after = '' } = {}) {
      return (await call<{ rooms: RoomSummary[] }>('GET', `/api/rooms?limit=${limit}&after=${after}`)).rooms;
    },
    user: (id) => call('GET', `/api/users/${id}`),
    join: (roomId, { afterSeq } = {}) => stateOf(roomId).join(afterSeq),
    async leave(roomId) {
      await link.request({ type: 'leave_room', roomId });
      forget(roomId);
    },
    async history(roomId, { beforeSeq, afterSeq, limit = HISTORY_LIMIT } = {}) {
      const state = states.get(roomId);
      if (afterSeq === undefined && state?.isLive()) beforeSeq ??= state.seq + 1;
      const command = { type: 'get_recent_messages', roomId, beforeSeq, afterSeq, limit };
      const page = (await link.request(command)) as RecentMessages;
      const messages = page.messages.filter(({ type }) => type === 'chat_message') as (Message | Tombstone)[];
      return { ...page, messages };
    },
    deleteMessage: (id) => call('DELETE', `/api/messages/${id}`),
    markRead: (roomId, seq) => states.get(roomId)?.markRead(seq),
    setTyping: (roomId, isTyping) => states.get(roomId)?.setTyping(isTyping),

    send(roomId, content, metadata) {
      states.get(roomId)?.setTyping(false);
      return outbox.send(roomId, content, metadata);
    },
    pending: outbox.list,
    retry: outbox.retry,
    discard: outbox.discard,
  };
}

export type Starling = Client;
/** `new Starling({ url, token })`; see `Options` and `Client`. */
export const Starling = createClient as unknown as new (options?: Options) => Client;
