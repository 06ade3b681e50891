// backup copies what was acknowledged while the server goes on writing; restore brings it back under
// a new epoch.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { range, run, Server, UNLIMITED } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'starling-backup-'));
const dataOf = (server) => path.join(server.folder, 'data');

test('a copy made under load holds everything acknowledged before, and restores under a new epoch', async () => {
  const server = await Server.start({ config: `[limits]\n${UNLIMITED}` });
  const copy = path.join(folder, 'copy.db');
  let acknowledged = 0;
  let epoch;
  try {
    const ann = await server.user('ann');
    const client = await server.member(ann, 'r');
    epoch = client.session.epoch;
    let running = true;
    const writing = (async () => {
      for (let i = 1; running; ++i) {
        client.send({ type: 'chat_message', roomId: 'r', content: `${i} ${'x'.repeat(1000)}`, clientMessageId: `${i}` });
        acknowledged = (await client.next('message_sent')).seq;
      }
    })();
    while (acknowledged < 200) await client.next('chat_message');
    const before = acknowledged;
    const { code, stderr } = await run(['backup', copy, '--data-dir', dataOf(server)]);
    assert.equal(code, 0, stderr);
    assert.equal(statSync(copy).mode & 0o777, 0o600);
    running = false;
    await writing;
    acknowledged = before;
    assert.equal((await run(['backup', copy, '--data-dir', dataOf(server)])).code, 73, 'nothing is overwritten');
    assert.equal((await run(['restore', copy, '--data-dir', dataOf(server), '--replace'])).code, 69, 'not under a running server');
    assert.equal(await server.stop(), 0);
  } finally {
    await server.dispose();
  }

  const restored = new Server({ folder: mkdtempSync(path.join(tmpdir(), 'starling-')) });
  try {
    const { code, stderr } = await run(['restore', copy, '--data-dir', dataOf(restored)]);
    assert.equal(code, 0, stderr);
    await restored.start();
    const bob = await restored.user('bob');
    const client = await restored.session(bob);
    assert.ok(client.session.epoch > epoch, `${client.session.epoch} after ${epoch}`);
    client.send({ type: 'join_room', roomId: 'r', afterSeq: 5, epoch });
    assert.equal((await client.next('gap')).reason, 'epoch');
    const room = await client.next('room_joined');
    assert.ok(room.headSeq >= acknowledged, `${room.headSeq} of ${acknowledged}`);
    const seqs = [];
    while (seqs.length < room.headSeq) {
      client.send({ type: 'get_recent_messages', roomId: 'r', afterSeq: seqs.length, limit: 100 });
      const page = (await client.next('recent_messages')).messages;
      seqs.push(...page.map((message) => message.seq));
      assert.ok(page.length > 0);
    }
    assert.deepEqual(seqs, range(1, room.headSeq));
    assert.equal(await restored.stop(), 0);

    assert.equal((await run(['restore', copy, '--data-dir', dataOf(restored)])).code, 73, 'a database is there');
    assert.equal((await run(['restore', path.join(folder, 'none'), '--data-dir', dataOf(restored)])).code, 66);
    const noise = path.join(folder, 'noise');
    writeFileSync(noise, 'no database, whatever its length'.repeat(1000));
    const bad = await run(['restore', noise, '--data-dir', dataOf(restored), '--replace']);
    assert.equal(bad.code, 65, bad.stderr);
    assert.ok(!existsSync(path.join(dataOf(restored), 'starling.db.replaced')), 'what is there stays');
    assert.equal((await run(['restore', copy, '--data-dir', dataOf(restored), '--replace'])).code, 0);
    assert.ok(existsSync(path.join(dataOf(restored), 'starling.db.replaced')));
    await restored.start();
    const again = await restored.session(await restored.user('carl'));
    assert.ok(again.session.epoch > client.session.epoch);
    assert.equal(await restored.stop(), 0);
  } finally {
    await restored.dispose();
  }
});
