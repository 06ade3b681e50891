// The page: logging in, the rooms, and one conversation in view.
import { Connection } from './connection.js';
import { MessageList } from './view.js';

const $ = (id) => document.getElementById(id);
const ROOM = /^[A-Za-z0-9._-]{1,50}$/;
const TYPING_EVERY_MS = 3_000;
const PAGE = 50;

let me = null; // {id, username}
let connection = null;
let room = null; // in view
let loading = false;
let complete = false; // the history's beginning is in view
let lastTyped = 0;
let ownTimer = null;
const unread = new Map(); // roomId → count
const typists = new Map(); // userId → name

const list = new MessageList($('messages'), {
  onTop: () => loadOlder(),
  onRetry: (message) => {
    message.failed = null;
    list.draw();
    send(message);
  },
  onDiscard: (message) => {
    connection.forget(message.clientMessageId);
    list.drop(message.clientMessageId);
  },
});

// ---- logging in ------------------------------------------------------------------------------------

async function call(method, path, body) {
  const options = { method, headers: {} };
  if (body !== undefined) {
    options.headers['Content-Type'] = 'application/json';
    options.body = JSON.stringify(body);
  }
  const response = await fetch(path, options);
  const answer = response.status === 204 ? {} : await response.json();
  if (!response.ok) throw new Error(answer.detail ?? response.statusText);
  return answer;
}

function showLogin(reason = '') {
  $('chat').hidden = true;
  $('welcome').hidden = false;
  $('login-error').textContent = reason;
  $('login').elements.username.focus();
}

function setRegistering(registering) {
  const form = $('login');
  form.dataset.registering = registering ? 'yes' : '';
  form.querySelector('.register-only').hidden = !registering;
  form.elements.email.required = registering;
  form.elements.password.autocomplete = registering ? 'new-password' : 'current-password';
  form.querySelector('[type=submit]').textContent = registering ? 'Create account' : 'Log in';
  $('switch-form').textContent = registering ? 'I have an account' : 'New here? Create an account';
  $('login-error').textContent = '';
}

$('switch-form').onclick = () => setRegistering(!$('login').dataset.registering);

$('login').onsubmit = async (event) => {
  event.preventDefault();
  const { username, email, password } = event.target.elements;
  const registering = event.target.dataset.registering;
  const account = { username: username.value.trim(), password: password.value };
  if (registering) account.email = email.value.trim();
  try {
    const answer = await call('POST', registering ? '/api/users' : '/api/sessions', account);
    remember(answer.user);
    password.value = '';
    start();
  } catch (error) {
    $('login-error').textContent = error.message;
  }
};

$('logout').onclick = async () => {
  connection?.close();
  connection = null;
  localStorage.removeItem('starling.user');
  try {
    await call('DELETE', '/api/sessions');
  } finally {
    showLogin();
  }
};

function remember(user) {
  me = { id: user.id, username: user.username };
  localStorage.setItem('starling.user', JSON.stringify(me));
}

// ---- the connection --------------------------------------------------------------------------------

function start() {
  connection?.close();
  // The cookie says who we are; a server in open mode believes the id.
  connection = new Connection({ userId: me.id }, { onState, onSession, onEvent, onFrame, onGap });
  connection.open();
}

function onState(state, detail) {
  const status = $('status');
  clearTimeout(ownTimer);
  if (state === 'logged-out') {
    connection = null;
    showLogin(detail ? 'Please log in again.' : '');
    return;
  }
  if (state === 'online') {
    status.hidden = true;
    return;
  }
  ownTimer = setTimeout(() => {
    status.textContent = 'No connection. What you write is sent when it is back.';
    status.hidden = false;
  }, 1_000);
}

function onSession(session) {
  me = { id: session.userId, username: session.username };
  $('welcome').hidden = true;
  $('chat').hidden = false;
  $('me').textContent = me.username;
  for (const membership of session.rooms) {
    unread.set(membership.roomId, membership.unread);
    connection.join(membership.roomId);
  }
  if (!room) enter(roomOfAddress() ?? session.rooms[0]?.roomId ?? 'general', false);
  drawRooms();
}

function onEvent(event) {
  if (event.roomId !== room) {
    if (event.type === 'chat_message' && event.senderId !== me.id) {
      unread.set(event.roomId, (unread.get(event.roomId) ?? 0) + 1);
      drawRooms();
    }
    return;
  }
  typists.delete(event.senderId);
  drawTyping();
  list.add([event]);
  markRead(event.seq);
}

function onFrame(frame) {
  switch (frame.type) {
    case 'room_joined':
      unread.set(frame.roomId, frame.unread ?? 0);
      if (frame.roomId === room) {
        showOnline(frame.onlineCount);
        if (list.messages.size === 0) loadOlder();
        markRead(frame.headSeq);
      }
      drawRooms();
      return;
    case 'recent_messages':
      loading = false;
      if (frame.roomId !== room) return;
      complete = !frame.hasMore;
      list.add(frame.messages);
      return;
    case 'message_sent':
      list.settle(frame);
      return;
    case 'user_joined':
    case 'user_left':
    case 'presence_count':
      if (frame.roomId === room) showOnline(frame.onlineCount);
      return;
    case 'typing':
      if (frame.roomId !== room) return;
      if (frame.isTyping) typists.set(frame.userId, frame.username);
      else typists.delete(frame.userId);
      drawTyping();
      return;
    case 'read_update':
      unread.set(frame.roomId, frame.unread);
      drawRooms();
      return;
    case 'error':
      loading = false;
      if (frame.clientMessageId) list.fail(frame.clientMessageId, frame.message);
      return;
  }
}

// What was missed is read from the history.
function onGap(gap) {
  if (gap.roomId !== room) return;
  list.clear();
  complete = false;
  loadOlder();
}

// ---- rooms -----------------------------------------------------------------------------------------

function roomOfAddress() {
  const match = location.pathname.match(/^\/room\/([^/]+)$/);
  const name = match && decodeURIComponent(match[1]);
  return name && ROOM.test(name) ? name : null;
}

function enter(name, remembered = true) {
  if (name === room) return;
  room = name;
  complete = false;
  loading = false;
  typists.clear();
  drawTyping();
  if (remembered) history.pushState(null, '', `/room/${name}`);
  document.title = `${name} · Starling`;
  $('room-name').textContent = name;
  $('online').textContent = '';
  showSidebar(false);
  list.clear();
  if (!unread.has(name)) unread.set(name, 0);
  const known = connection.rooms.has(name);
  connection.join(name);
  if (known) {
    loadOlder();
    markRead(connection.rooms.get(name) ?? 0);
  }
  drawRooms();
  $('composer').elements.content.focus();
}

function loadOlder() {
  if (loading || complete || !connection) return;
  loading = true;
  const frame = { type: 'get_recent_messages', roomId: room, limit: PAGE };
  if (list.firstSeq !== null) frame.beforeSeq = list.firstSeq;
  connection.ask(frame);
}

function markRead(seq) {
  if (!seq || document.visibilityState !== 'visible') return;
  connection.ask({ type: 'mark_read', roomId: room, seq });
  unread.set(room, 0);
  drawRooms();
}

function drawRooms() {
  const rows = [...unread.keys()].sort().map((name) => {
    const link = document.createElement('a');
    link.href = `/room/${name}`;
    link.append(Object.assign(document.createElement('span'), { textContent: name }));
    if (name === room) link.setAttribute('aria-current', 'page');
    const count = unread.get(name);
    if (count > 0 && name !== room) {
      const text = count >= 1_000 ? '999+' : String(count);
      const badge = Object.assign(document.createElement('span'), { className: 'badge', textContent: text });
      badge.setAttribute('aria-label', `${text} unread`);
      link.append(badge);
    }
    link.onclick = (event) => {
      event.preventDefault();
      enter(name);
    };
    const row = document.createElement('li');
    row.append(link);
    return row;
  });
  $('rooms').replaceChildren(...rows);
}

function showOnline(count) {
  $('online').textContent = count === 1 ? 'only you' : `${count} online`;
}

function drawTyping() {
  const names = [...typists.values()];
  const text =
    names.length === 0 ? '' : names.length > 3 ? 'Several people are typing…'
    : `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'} typing…`;
  $('typing').textContent = text;
}

function showSidebar(open) {
  $('chat').classList.toggle('rooms-open', open);
  $('show-rooms').setAttribute('aria-expanded', String(open));
}

$('show-rooms').onclick = () => showSidebar(!$('chat').classList.contains('rooms-open'));

$('go-to-room').onsubmit = (event) => {
  event.preventDefault();
  const name = event.target.elements.room.value.trim();
  if (!ROOM.test(name)) return;
  event.target.reset();
  enter(name);
};

addEventListener('popstate', () => enter(roomOfAddress() ?? 'general', false));

// ---- writing ---------------------------------------------------------------------------------------

function send(message) {
  connection.say({
    type: 'chat_message',
    roomId: message.roomId,
    content: message.content,
    clientMessageId: message.clientMessageId,
  });
}

function randomId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

$('composer').onsubmit = (event) => {
  event.preventDefault();
  const input = event.target.elements.content;
  const content = input.value.trim();
  if (!content) return;
  const message = {
    clientMessageId: randomId(),
    roomId: room,
    content,
    senderId: me.id,
    senderUsername: me.username,
    timestamp: new Date().toISOString(),
  };
  list.addPending(message);
  send(message);
  input.value = '';
  lastTyped = 0;
};

$('composer').elements.content.addEventListener('keydown', (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $('composer').requestSubmit();
});

$('composer').elements.content.addEventListener('input', () => {
  if (Date.now() - lastTyped < TYPING_EVERY_MS) return;
  lastTyped = Date.now();
  connection.ask({ type: 'typing', roomId: room, isTyping: true });
});

document.addEventListener('visibilitychange', () => {
  if (room && connection) markRead(connection.rooms.get(room));
});

// ---- beginning -------------------------------------------------------------------------------------

me = JSON.parse(localStorage.getItem('starling.user') ?? 'null');
if (me) start();
else showLogin();
