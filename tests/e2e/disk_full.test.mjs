// A disk that fills up and empties again: nothing that cannot be kept is acknowledged, reading goes
// on, and the server recovers by itself.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { range, run, Server, UNLIMITED } from './harness.mjs';

// Only root may mount a file system.
const options = process.getuid() === 0 ? {} : { skip: 'mounting a small tmpfs needs root' };

function fill(file) {
  const descriptor = openSync(file, 'w');
  try {
    for (;;) writeSync(descriptor, Buffer.alloc(4096, 'x'));
  } catch (error) {
    assert.equal(error.code, 'ENOSPC');
  } finally {
    closeSync(descriptor);
  }
}

test('a full disk loses nothing that was acknowledged', options, async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-disk-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m', 'tmpfs', folder]);
  const server = await Server.start({ folder, config: `[limits]\n${UNLIMITED}` });
  const acknowledged = [];
  try {
    const ann = await server.user('ann');
    const client = await server.member(ann, 'r');
    const old = await server.connect({ protocol: '', headers: { Cookie: `starling=${ann.token}` } });
    old.send({ type: 'auth', roomId: 'r' });
    await old.next('room_joined');
    let number = 0;
    const say = async () => {
      const clientMessageId = `m${++number}`;
      client.send({ type: 'chat_message', roomId: 'r', content: 'c'.repeat(500), clientMessageId });
      const answer = await client.next((frame) => frame.clientMessageId === clientMessageId && frame.type !== 'chat_message');
      if (answer.type === 'message_sent') acknowledged.push(answer.seq);
      return answer;
    };
    for (let round = 0; round < 3; ++round) {
      for (let i = 0; i < 20; ++i) assert.equal((await say()).type, 'message_sent');
      const ballast = path.join(folder, 'ballast');
      fill(ballast);
      let refused;
      for (let i = 0; i < 2000 && !refused; ++i) {
        const answer = await say();
        if (answer.type === 'error') refused = answer;
      }
      assert.deepEqual([refused.code, refused.retryable], ['unavailable', true]);
      const degraded = await client.next('notice');
      assert.deepEqual([degraded.level, degraded.code], ['warning', 'degraded']);
      assert.equal((await server.call('POST', '/api/messages', { token: ann.token, body: { content: 'x', room_id: 'r' } })).status, 503);
      assert.equal((await server.call('GET', '/readyz')).status, 503);
      if (round === 0) {
        const doctor = await run(['doctor', '--data-dir', path.join(folder, 'data')]);
        assert.equal(doctor.code, 75, doctor.stdout);
        assert.match(doctor.stdout, /^FAILED +server +it refuses messages.*; cure: look at the database and its disk/m);
      }
      const page = await server.call('GET', '/api/messages/room/r?limit=5', { token: ann.token });
      assert.deepEqual([page.status, page.body.messages.length], [200, 5]);
      await client.settle();
      unlinkSync(ballast);
      // Without a restart, and also where nobody writes: a proxy that asks for readiness sends nobody.
      if (round > 0) assert.equal((await say()).type, 'message_sent');
      const restored = await client.next('notice');
      assert.deepEqual([restored.level, restored.code], ['info', 'restored']);
      assert.equal((await server.call('GET', '/readyz')).status, 200);
    }
    await old.settle();
    assert.ok(!old.frames.some((frame) => frame.type === 'notice'), 'old clients hear of no soft trouble');
    await server.kill();
    await server.start();
    const again = await server.session(ann);
    again.send({ type: 'get_recent_messages', roomId: 'r', limit: 100 });
    const { messages, toSeq } = await again.next('recent_messages');
    assert.equal(toSeq, acknowledged.length);
    assert.deepEqual(messages.map((message) => message.seq), range(Math.max(1, toSeq - 99), toSeq));
    assert.deepEqual(acknowledged, range(1, acknowledged.length));
  } finally {
    await server.dispose();
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  }
});
