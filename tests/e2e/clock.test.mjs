// The wall clock jumps by an hour and by a day, forth and back, under a running server (libfaketime
// shows it another one). Nothing waits by that clock: who is here stays, order and ids go on, and who
// may come in is decided by tokens alone.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { faketime, range, Server, within } from './harness.mjs';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const sanitized = process.env.UBSAN_OPTIONS || process.env.TSAN_OPTIONS;

class Clock {
  constructor() {
    this.folder = mkdtempSync(path.join(os.tmpdir(), 'starling-clock-'));
    this.file = path.join(this.folder, 'clock');
    this.jump(0);
    this.env = { LD_PRELOAD: faketime, FAKETIME_TIMESTAMP_FILE: this.file, FAKETIME_NO_CACHE: '1', FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  }
  jump(seconds) { // at once: a reader never finds half of a file
    this.off_ms = seconds * 1000;
    writeFileSync(`${this.file}.new`, `${seconds < 0 ? '' : '+'}${seconds}\n`);
    renameSync(`${this.file}.new`, this.file);
  }
  now() { return Date.now() + this.off_ms; }
  dispose() { rmSync(this.folder, { recursive: true, force: true }); }
}

const near = (time, expected) => Math.abs(Date.parse(time) - expected) < 60_000;

test('a clock that jumps by an hour and a day, forth and back, changes times alone', { skip: sanitized && 'a sanitizer is loaded before anything else' }, async () => {
  assert.ok(existsSync(faketime), 'libfaketime');
  const clock = new Clock();
  // A deadline by the wall clock would be passed at once.
  const server = await Server.start({ env: clock.env, config: '[auth]\ntoken_days = 1\n' });
  try {
    const ann = await server.user('ann');
    const bob = await server.user('bob');
    const gone = await server.user('gone');
    const late = await server.user('late');
    assert.equal((await server.call('DELETE', '/api/sessions', { token: gone.token })).status, 204);

    const members = [await server.member(ann, 'r'), await server.member(bob, 'r')];
    const ids = [];
    for (const jump of [HOUR, 0, -HOUR, 0, DAY + HOUR, 0, -DAY, 0]) {
      clock.jump(jump);
      for (const member of members) {
        const id = `${jump}-${ids.length}`;
        member.send({ type: 'chat_message', roomId: 'r', content: id, clientMessageId: id });
        const sent = await member.next((frame) => frame.type === 'message_sent' && frame.clientMessageId === id);
        ids.push(sent.id);
        assert.equal(sent.seq, ids.length);
        assert.ok(near(sent.timestamp, clock.now()), `${sent.timestamp} after a jump of ${jump} s`);
      }
      // Who typed stops doing so by the other clock: neither at once nor never.
      if (jump > DAY) {
        members[0].send({ type: 'typing', roomId: 'r', isTyping: true });
        assert.equal((await members[1].next('typing')).isTyping, true);
        assert.equal((await members[1].next('typing')).isTyping, false);
      }
      const { status } = await server.call('GET', '/api/rooms/r', { token: ann.token });
      assert.equal(status, jump > DAY ? 401 : 200, 'a token ends when it says so');
      if (jump > DAY) { // what was revoked is looked over, and another one is added
        const carl = await server.user('carl');
        assert.equal((await server.call('DELETE', '/api/sessions', { token: carl.token })).status, 204);
      }
      assert.equal((await server.call('GET', '/api/rooms', { token: gone.token })).status, 401, `a revoked token, ${jump} s off`);
    }
    assert.deepEqual(ids, [...new Set(ids)].sort((a, b) => a - b), 'ids go on');
    for (const member of members) {
      await member.settle();
      assert.deepEqual(member.seqs(), range(1, ids.length));
      assert.equal(member.socket.readyState, 1, 'nobody was sent away');
    }

    // Times are told, and order is another thing: who comes now gets all of it.
    const third = await server.session(late);
    third.send({ type: 'join_room', roomId: 'r', afterSeq: 0, epoch: third.session.epoch });
    await third.next('room_joined');
    const last = await third.next((frame) => frame.type === 'chat_message' && frame.seq === ids.length);
    assert.deepEqual([...third.seqs(), last.seq], range(1, ids.length));
    clock.jump(HOUR);
    const left = members[1].closed;
    members[1].socket.close();
    await left;
    const seen = within((async () => {
      for (;;) {
        const { body } = await server.call('GET', `/api/users/${bob.id}`, { token: ann.token });
        if (!body.isOnline && near(body.lastSeenAt, clock.now())) return;
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    })(), 'bob was last seen an hour from now');
    await seen;

    // A restart believes what is revoked, whatever the clock says.
    clock.jump(-HOUR);
    assert.equal(await server.stop(), 0);
    await server.start();
    assert.equal((await server.call('GET', '/api/rooms', { token: gone.token })).status, 401);
    assert.equal((await server.call('GET', '/api/rooms', { token: ann.token })).status, 200);
    assert.equal(await server.stop(), 0);
  } finally {
    await server.dispose();
    clock.dispose();
  }
});
