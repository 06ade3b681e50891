// The connection to the server: one socket that comes back by itself and resumes where it was.
//
// What it promises its user: every event of a joined room is handed on once and in the order of
// seq, across reconnects; what cannot be had is named by onGap.

const RETRY_FIRST_MS = 500;
const RETRY_LONGEST_MS = 30_000;
const SILENCE_MS = 45_000; // no frame for so long, in spite of pings: the line is dead

export class Connection {
  // handlers: onState(state, detail), onSession(frame), onEvent(frame), onFrame(frame), onGap(frame)
  constructor(authenticate, handlers) {
    this.authenticate = authenticate; // the fields of `auth`: {} with a cookie, {userId} in open mode
    this.handlers = handlers;
    this.rooms = new Map(); // roomId → the last seq that was handed on; null: nothing yet
    this.epoch = null;
    this.attempts = 0;
    this.waiting = new Map(); // clientMessageId → the frame, until the server has it
    this.closed = false;
    addEventListener('online', () => this.retryNow());
    document.addEventListener('visibilitychange', () => {
      if (document.visibilityState === 'visible') this.retryNow();
    });
    this.heartbeat = setInterval(() => this.beat(), 15_000);
  }

  open() {
    clearTimeout(this.retry);
    this.retry = null;
    this.handlers.onState('connecting');
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/ws`, 'starling.v1');
    this.socket = socket;
    this.ready = false;
    this.heard = Date.now();
    socket.onmessage = (message) => {
      if (socket === this.socket) this.receive(JSON.parse(message.data));
    };
    socket.onclose = (event) => {
      if (socket === this.socket) this.lost(event.code, event.reason);
    };
  }

  close() {
    this.closed = true;
    clearInterval(this.heartbeat);
    clearTimeout(this.retry);
    this.socket?.close(1000);
  }

  join(roomId) {
    if (this.rooms.has(roomId)) return;
    this.rooms.set(roomId, null);
    if (this.ready) this.put({ type: 'join_room', roomId });
  }

  // Sends a message, again after every reconnect, until the server has answered. The id makes the
  // repetition safe.
  say(frame) {
    this.waiting.set(frame.clientMessageId, frame);
    if (this.ready) this.put(frame);
  }

  forget(clientMessageId) {
    this.waiting.delete(clientMessageId);
  }

  // For what may be lost: typing, read marks, history.
  ask(frame) {
    if (this.ready) this.put(frame);
  }

  put(frame) {
    if (this.socket.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(frame));
  }

  receive(frame) {
    this.heard = Date.now();
    switch (frame.type) {
      case 'welcome': {
        const auth = { type: 'auth', ...this.authenticate };
        const seen = [...this.rooms].filter(([, seq]) => seq !== null);
        if (seen.length > 0) auth.resume = { epoch: this.epoch, rooms: Object.fromEntries(seen) };
        this.put(auth);
        return;
      }
      case 'auth_success':
        this.attempts = 0;
        this.ready = true;
        this.epoch = frame.epoch;
        this.handlers.onSession(frame);
        for (const [roomId, seq] of this.rooms) {
          if (seq === null) this.put({ type: 'join_room', roomId });
        }
        for (const message of this.waiting.values()) this.put(message);
        this.handlers.onState('online');
        return;
      case 'room_joined':
        if (this.rooms.get(frame.roomId) === null) this.rooms.set(frame.roomId, frame.headSeq);
        this.handlers.onFrame(frame);
        return;
      case 'gap':
        this.rooms.set(frame.roomId, frame.toSeq);
        this.handlers.onGap(frame);
        return;
      case 'chat_message':
      case 'message_deleted':
        if (frame.seq <= (this.rooms.get(frame.roomId) ?? 0)) return; // had it
        this.rooms.set(frame.roomId, frame.seq);
        this.handlers.onEvent(frame);
        return;
      case 'message_sent':
        this.waiting.delete(frame.clientMessageId);
        this.handlers.onFrame(frame);
        return;
      case 'error':
        if (frame.code === 'unauthenticated' && !this.ready) {
          this.close();
          this.handlers.onState('logged-out');
          return;
        }
        if (frame.clientMessageId && frame.retryable) {
          const again = this.waiting.get(frame.clientMessageId);
          setTimeout(() => again && this.ready && this.put(again), frame.retryAfterMs ?? 1_000);
          return;
        }
        if (frame.clientMessageId) this.waiting.delete(frame.clientMessageId);
        this.handlers.onFrame(frame);
        return;
      case 'reconnect':
        this.told = frame.afterMs;
        return;
      default:
        this.handlers.onFrame(frame);
    }
  }

  // 42xx: log in again; 43xx: stay away; everything else comes back.
  lost(code, reason) {
    this.ready = false;
    if (this.closed) return;
    if (code >= 4200 && code < 4400) {
      this.close();
      this.handlers.onState('logged-out', reason);
      return;
    }
    const ceiling = Math.min(RETRY_LONGEST_MS, RETRY_FIRST_MS * 2 ** this.attempts++);
    const delay = this.told ?? ceiling * (0.5 + Math.random() / 2);
    this.told = null;
    this.handlers.onState('offline');
    this.retry = setTimeout(() => this.open(), delay);
  }

  retryNow() {
    if (!this.retry || this.closed) return;
    clearTimeout(this.retry);
    this.retry = setTimeout(() => this.open(), Math.random() * 300);
  }

  beat() {
    if (!this.ready) return;
    if (Date.now() - this.heard > SILENCE_MS) {
      const dead = this.socket;
      this.socket = null;
      dead.close();
      this.lost(1006, 'silent');
    } else {
      this.put({ type: 'ping' });
    }
  }
}
