// Names that no user could register today, but that a database which was taken over has: they are kept as
// they are, and are text wherever they go.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import test from 'node:test';
import { Server } from './harness.mjs';

const names = [
  '<img src=x onerror=alert(1)>',
  '"><script>alert(1)</script>',
  `a'b"c\\d&e`,
  'line\nbreak\ttab\r\u0000nul\u001bescape\u007f',
  '\u202egnp.exe\u2066\u2028\u2029',
  '{"type":"error"}',
  'e'.repeat(255),
  ' spaces ',
  '👩‍👩‍👧 ünï',
];

// Users and a message of each, straight into the tables.
function takeOver(server) {
  const script = `
import json, sqlite3, sys
db = sqlite3.connect(sys.argv[1])
for i, name in enumerate(json.loads(sys.argv[2]), 1):
    user, seq = 1000 + i, i
    db.execute("INSERT INTO users (id, username, username_key, email, created_at) VALUES (?, ?, ?, ?, 0)",
               (user, name, f"taken over {i}", f"u{i}@example.org"))
    db.execute("""INSERT INTO messages (id, room_id, seq, kind, sender_id, sender_name, content, message_type, metadata,
      client_message_id, created_at, messages_before, prev_id) VALUES (?, 'old', ?, 0, ?, ?, ?, 'text', '', ?, 0, ?, ?)""",
               (seq, seq, user, name, name, f"key {i}", i - 1, i - 1))
db.execute("INSERT INTO rooms (id, head, messages, last_id, created_at) VALUES ('old', ?1, ?1, ?1, 0)", (i,))
db.execute("UPDATE meta SET value = 100 WHERE key = 'next_message_id'")
db.commit()`;
  execFileSync('python3', ['-c', script, path.join(server.folder, 'data/starling.db'), JSON.stringify(names)]);
}

test('hostile names of a database that was taken over are text in REST and on sockets', async () => {
  const server = await Server.start({ args: ['--auth', 'open'] });
  try {
    const ann = await server.user('ann');
    await server.stop();
    takeOver(server);
    await server.start();

    const listed = (await server.call('GET', '/api/users')).body.users;
    assert.deepEqual(listed.filter((user) => user.id > 1000).map((user) => user.username), names);
    const history = await server.call('GET', '/api/messages/room/old?limit=100');
    assert.match(history.headers.get('content-type'), /^application\/json/);
    assert.deepEqual(history.body.messages.map((message) => message.sender.username), names);
    assert.deepEqual(history.body.messages.map((message) => message.content), names);

    for (const protocol of ['starling.v1', '']) {
      const room = `r${protocol.length}`;
      const watcher = await server.connect({ protocol });
      watcher.send({ type: 'auth', userId: ann.id, roomId: room });
      await watcher.next('room_joined');
      for (const [i, name] of names.entries()) {
        const id = 1001 + i;
        assert.equal((await server.call('GET', `/api/users/${id}`)).body.username, name);
        const one = await server.connect({ protocol });
        one.send({ type: 'auth', userId: id, username: name, roomId: room });
        assert.equal((await one.next('auth_success')).username, name);
        await one.next('room_joined');
        assert.equal((await watcher.next('user_joined')).username, name);
        one.send({ type: 'typing', roomId: room, isTyping: true });
        assert.equal((await watcher.next('typing')).username, name);
        one.send({ type: 'chat_message', content: name, userId: id, roomId: room });
        const message = await watcher.next('chat_message');
        assert.deepEqual([message.senderUsername, message.content], [name, name]);
      }
      watcher.send({ type: 'get_recent_messages', roomId: room, limit: 100 });
      const page = (await watcher.next('recent_messages')).messages;
      assert.deepEqual(page.map((message) => message.senderUsername), names);
    }
  } finally {
    await server.dispose();
  }
});

test('nobody registers such a name', async () => {
  const server = await Server.start();
  try {
    const refused = ['<', '>', '&', '"', "'", '\n', '\t', '\u0000', '\u001b', '\u007f', '\u0085'].flatMap((bad) => [bad, `a${bad}b`, `${bad}a`]);
    for (const username of [...refused, ...names.slice(0, 4), ' a', 'a ', '', 'e'.repeat(51), 'é'.repeat(51), '\ud800', 7, null, {}]) {
      const answer = await server.call('POST', '/api/users', { body: { username, email: 'a@example.org' } });
      assert.equal(answer.status, 400, JSON.stringify(username));
      assert.match(answer.headers.get('content-type'), /^application\/problem\+json/);
      assert.equal(answer.headers.get('set-cookie'), null);
    }
    for (const username of ['é'.repeat(50), "o’neill", '👩‍👩‍👧', 'a b', 'Ω.-_()']) {
      assert.equal((await server.call('POST', '/api/users', { body: { username, email: 'a@example.org' } })).status, 201, username);
    }
  } finally {
    await server.dispose();
  }
});
