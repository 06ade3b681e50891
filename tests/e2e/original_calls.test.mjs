// The calls of the PHP original's README, as a new user would make them: verbatim in open mode, and
// with tokens.
import assert from 'node:assert/strict';
import test from 'node:test';
import { Server } from './harness.mjs';

test('two users chat in open mode with the original’s calls', async () => {
  const server = await Server.start({ args: ['--auth', 'open'] });
  try {
    const created = await server.call('POST', '/api/users', { body: { username: 'john_doe', email: 'john@example.com' } });
    assert.equal(created.status, 201);
    assert.equal(created.body.message, 'User created successfully');
    const john = created.body.user;
    const jane = (await server.call('POST', '/api/users', { body: { username: 'jane_doe', email: 'jane@example.com' } })).body.user;
    const again = await server.call('POST', '/api/users', { body: { username: 'John_Doe', email: 'other@example.com' } });
    assert.equal(again.status, 409);
    assert.equal(again.body.error, 'Username already exists');
    assert.equal((await server.call('GET', '/api/users/username/john_doe')).body.id, john.id);
    assert.equal((await server.call('GET', '/api/users/username/nobody')).body.error, 'User not found');

    const open = async (user) => {
      const client = await server.connect({ protocol: '', path: '/' });
      client.send({ type: 'auth', user_id: user.id, userId: user.id, username: user.username, roomId: 'general' });
      const success = await client.next('auth_success');
      assert.equal(success.userId, user.id);
      assert.equal(success.roomId, 'general');
      return client;
    };
    const first = await open(john);
    assert.ok((await first.next('room_joined')).onlineUsers.includes(john.id));
    const second = await open(jane);
    assert.equal((await second.next('room_joined')).onlineUsers.length, 2);
    assert.equal((await first.next('user_joined')).userId, jane.id);

    first.send({ type: 'chat_message', content: 'Hello over WebSocket', userId: john.id, roomId: 'general' });
    for (const client of [first, second]) {
      const message = await client.next('chat_message');
      assert.equal(message.content, 'Hello over WebSocket');
      assert.strictEqual(message.senderId, john.id);
      assert.equal(message.senderUsername, 'john_doe');
    }
    const posted = await server.call('POST', '/api/messages', {
      body: { content: 'Hello over REST', sender_id: jane.id, room_id: 'general', message_type: 'text' } });
    assert.equal(posted.status, 201);
    assert.equal(posted.body.message, 'Message sent successfully');
    assert.equal((await first.next('chat_message')).content, 'Hello over REST');
    assert.equal((await second.next('chat_message')).content, 'Hello over REST');
    assert.ok(!first.frames.some((frame) => frame.type === 'message_sent'));

    const page = (await server.call('GET', '/api/messages/room/general?page=1&limit=10')).body;
    assert.deepEqual(page.messages.map((message) => message.content), ['Hello over WebSocket', 'Hello over REST']);
    assert.equal(page.pagination.total, 2);
    assert.equal(page.pagination.pages, 1);
    assert.equal(page.messages[0].sender.username, 'john_doe');
    const recent = (await server.call('GET', '/api/messages/room/general/recent?limit=20')).body;
    assert.equal(recent.count, 2);
    assert.equal(recent.room_id, 'general');
    const newer = (await server.call('GET', `/api/messages/room/general/recent?lastId=${page.messages[0].id}`)).body;
    assert.deepEqual(newer.messages.map((message) => message.content), ['Hello over REST']);
    assert.equal((await server.call('GET', '/api/messages/stats/room/general')).body.total_messages, 2);
    const stats = (await server.call('GET', '/api/messages/stats')).body;
    assert.equal(stats.total_messages, 2);
    assert.deepEqual(stats.room_stats, [{ roomId: 'general', messageCount: 2 }]);

    const id = posted.body.data.id;
    assert.equal((await server.call('GET', `/api/messages/${id}`)).body.content, 'Hello over REST');
    assert.equal((await server.call('DELETE', `/api/messages/${id}`)).body.message, 'Message deleted successfully');
    assert.equal((await second.next('message_deleted')).id, id);
    assert.equal((await server.call('GET', `/api/messages/${id}`)).status, 404);
    assert.equal((await server.call('GET', '/api/messages/stats/room/general')).body.total_messages, 1);

    const status = await server.call('PATCH', `/api/users/${john.id}/status`, { body: { is_online: false } });
    assert.equal(status.body.message, 'User status updated successfully');
    assert.equal(status.body.user.isOnline, false);
    assert.equal((await second.next('user_status')).isOnline, false);
    const missing = await server.call('PATCH', `/api/users/${john.id}/status`, { body: {} });
    assert.equal(missing.body.error, 'is_online field is required');
    const online = (await server.call('GET', '/api/users/online')).body;
    assert.deepEqual(online.users.map((user) => user.id), [jane.id]);
    assert.equal(online.count, 1);
    assert.equal((await server.call('GET', '/api/users')).body.users.length, 2);

    first.send({ type: 'ping' });
    assert.ok((await first.next('pong')).timestamp);
    first.send({ type: 'get_recent_messages', roomId: 'general', limit: 5 });
    assert.equal((await first.next('recent_messages')).roomId, 'general');
    first.send('no json');
    assert.equal((await first.next('error')).message, 'Invalid JSON format');
    first.send({ type: 'nonsense' });
    assert.equal((await first.next('error')).message, 'Unknown message type');
    first.send({ type: 'chat_message', userId: john.id, roomId: 'general' });
    assert.equal((await first.next('error')).message, 'Content and user ID are required');
    first.send({ type: 'chat_message', userId: 999, roomId: 'general', content: 'x' });
    assert.equal((await first.next('error')).message, 'User not found');
    const stranger = await server.connect({ protocol: '', path: '/' });
    stranger.send({ type: 'auth' });
    assert.equal((await stranger.next('error')).message, 'User ID is required');
    stranger.send({ type: 'auth', userId: 999 });
    assert.equal((await stranger.next('error')).message, 'User not found');
    stranger.send({ type: 'chat_message', content: 'x', roomId: 'general' });
    assert.equal((await stranger.next('error')).message, 'Content and user ID are required');
    stranger.send({ type: 'join_room', roomId: 'general' });
    assert.equal((await stranger.next('error')).message, 'Room ID and User ID are required');
    assert.equal((await server.call('POST', '/api/messages', { body: { content: 'x' } })).body.error,
      'Content, sender_id, and room_id are required');
    assert.equal((await server.call('POST', '/api/messages', { body: { content: 'x', sender_id: 999, room_id: 'general' } })).body.error,
      'Sender not found');
    assert.equal((await server.call('POST', '/api/users', { body: { username: 'x' } })).body.error,
      'Username and email are required');
  } finally {
    await server.dispose();
  }
});

test('an old client has one active room and may join without auth in open mode', async () => {
  const server = await Server.start({ args: ['--auth', 'open'] });
  try {
    const ann = await server.user('ann');
    const bob = await server.user('bob');
    const client = await server.connect({ protocol: '' });
    client.send({ type: 'join_room', roomId: 'one', userId: String(ann.id) });
    await client.next('room_joined');
    client.send({ type: 'join_room', room_id: 'two', user_id: ann.id });
    assert.equal((await client.next('room_joined')).roomId, 'two');
    for (const room of ['one', 'two']) {
      await server.call('POST', '/api/messages', { body: { content: `to ${room}`, sender_id: bob.id, room_id: room } });
    }
    assert.equal((await client.next('chat_message')).content, 'to two');
    await client.settle();
    assert.deepEqual(client.seqs(), []);
    // With an id of its own it is told; without, it is not.
    client.send({ type: 'chat_message', content: 'mine', clientMessageId: 'c-1' });
    assert.equal((await client.next('message_sent')).clientMessageId, 'c-1');
    assert.equal((await client.next('chat_message')).content, 'mine');
  } finally {
    await server.dispose();
  }
});

test('the same conversation with tokens, and what a token does not allow', async () => {
  const server = await Server.start();
  try {
    const john = await server.user('john', { password: 'correct horse' });
    const jane = await server.user('jane', { password: 'battery staple' });
    const first = await server.member(john, 'general');
    const second = await server.member(jane, 'general');
    first.send({ type: 'chat_message', roomId: 'general', content: 'hello', clientMessageId: 'm1', ref: 'r1' });
    const sent = await first.next('message_sent');
    assert.deepEqual([sent.ref, sent.seq, sent.duplicate], ['r1', 1, false]);
    assert.equal((await second.next('chat_message')).content, 'hello');
    const posted = await server.call('POST', '/api/messages', { token: jane.token, body: { content: 'hi', room_id: 'general' } });
    assert.equal(posted.status, 201);
    assert.equal((await first.next((frame) => frame.content === 'hi')).senderUsername, 'jane');

    assert.equal((await server.call('GET', '/api/messages/room/general')).status, 401);
    const forged = await server.call('POST', '/api/messages', {
      token: jane.token, body: { content: 'x', sender_id: john.id, room_id: 'general' } });
    assert.equal(forged.status, 403);
    assert.equal((await server.call('DELETE', `/api/messages/${sent.id}`, { token: jane.token })).status, 403);
    assert.equal((await server.call('DELETE', `/api/messages/${sent.id}`, { token: john.token })).status, 200);
    assert.equal((await server.call('DELETE', `/api/messages/${sent.id}`, { token: john.token })).status, 200);
    assert.equal((await second.next('message_deleted')).ofSeq, 1);
    assert.equal((await server.call('PATCH', `/api/users/${john.id}/status`, { token: jane.token, body: { is_online: true } })).status, 403);
    const seen = (await server.call('GET', `/api/users/${john.id}`, { token: jane.token })).body;
    assert.ok(!('email' in seen));
    assert.equal((await server.call('GET', `/api/users/${john.id}`, { token: john.token })).body.email, 'john@example.org');
    const rooms = (await server.call('GET', '/api/rooms', { token: john.token })).body.rooms;
    assert.deepEqual(rooms.map((room) => [room.roomId, room.headSeq, room.members, room.onlineCount]), [['general', 3, 2, 2]]);
    const fleet = (await server.call('GET', '/api/fleet', { token: john.token })).body.servers;
    assert.equal(fleet.length, 1);
    assert.equal(fleet[0].connections >= 2, true);
  } finally {
    await server.dispose();
  }
});

test('an idempotency key makes a repeated post the same message', async () => {
  const server = await Server.start();
  try {
    const ann = await server.user('ann');
    const post = () => server.call('POST', '/api/messages', {
      token: ann.token, headers: { 'Idempotency-Key': 'k-1' }, body: { content: 'once', room_id: 'r' } });
    const answers = await Promise.all(Array.from({ length: 20 }, post));
    assert.equal(answers.filter((answer) => answer.status === 201).length, 1);
    assert.equal(answers.filter((answer) => answer.status === 200).length, 19);
    assert.equal(new Set(answers.map((answer) => answer.body.data.id)).size, 1);
  } finally {
    await server.dispose();
  }
});
