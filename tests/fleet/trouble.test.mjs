// A database that is there and does not work: its disk is full, or it stands still. What is told, by
// whom it is seen, and that all goes on by itself.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, unlinkSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Server, UNLIMITED, range, run, within } from '../e2e/harness.mjs';
import { notifySocket } from '../e2e/notify.mjs';
import { startMariadb } from './mariadb.mjs';

const config = `[limits]\n${UNLIMITED}`;

async function start(t, options, end = () => {}, more = {}) {
  let mariadb;
  let server;
  t.after(async () => {
    await server?.dispose();
    await mariadb?.dispose();
    end();
  });
  mariadb = await startMariadb(options);
  const env = { STARLING_STORE__URL: mariadb.url };
  const { code, stderr } = await run(['migrate', 'up'], { env });
  assert.equal(code, 0, stderr);
  server = await Server.start({ config, env: { ...env, ...more } });
  const ann = await server.user('ann');
  return { mariadb, server, ann, client: await server.member(ann, 'r') };
}

const until = (happened, what) => within((async () => {
  while (!(await happened())) await new Promise((resolve) => setTimeout(resolve, 50));
})(), what);
const ready = async (server) => (await server.call('GET', '/readyz')).status === 200;

async function say(client, clientMessageId, content) {
  client.send({ type: 'chat_message', roomId: 'r', content, clientMessageId });
  return client.next((frame) => frame.clientMessageId === clientMessageId && frame.type !== 'chat_message');
}

function fill(file) {
  const descriptor = openSync(file, 'w');
  try {
    for (const size of [65_536, 4_096]) {
      try {
        for (;;) writeSync(descriptor, Buffer.alloc(size, 'x'));
      } catch (error) {
        assert.equal(error.code, 'ENOSPC');
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

// Needs root, who may mount a file system, and says so.
test("the database's disk is full: nothing is acknowledged that is not kept", { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=200m', 'tmpfs', folder]);
  const { mariadb, server, ann, client } = await start(t, { folder }, () => {
    execFileSync('umount', [folder]);
    rmSync(folder, { recursive: true });
  });
  const notice = (code) => client.next((frame) => frame.type === 'notice' && frame.code === code);
  const acknowledged = [];
  let number = 0;
  const speak = async () => {
    const answer = await say(client, `m${++number}`, 'c'.repeat(2_000));
    if (answer.type === 'message_sent') acknowledged.push([answer.id, answer.seq]);
    return answer;
  };
  for (let round = 0; round < 2; ++round) {
    for (let i = 0; i < 20; ++i) assert.equal((await speak()).type, 'message_sent');
    const ballast = path.join(folder, 'ballast');
    fill(ballast);
    let refused;
    for (let i = 0; i < 4_000 && !refused; ++i) {
      const answer = await speak();
      if (answer.type === 'error') refused = answer;
    }
    assert.deepEqual([refused?.code, refused?.retryable], ['unavailable', true]);
    await notice('degraded');
    await until(async () => !(await ready(server)), 'the server is not ready');
    const page = await server.call('GET', '/api/messages/room/r?limit=5', { token: ann.token });
    assert.deepEqual([page.status, page.body.messages.length], [200, 5], 'what was kept can be read');
    assert.ok(server.lines.some((line) => /a transaction failed before its commit|nobody knows/.test(line)));
    unlinkSync(ballast);
    // Nobody writes: the server notices all the same.
    await notice('restored');
    assert.ok(await ready(server));
    assert.equal((await speak()).type, 'message_sent');
  }
  const rows = await mariadb.query('SELECT id, seq FROM messages ORDER BY seq', 'starling');
  assert.deepEqual(rows.map(([, seq]) => Number(seq)), range(1, rows.length));
  const kept = new Map(rows.map(([id, seq]) => [Number(id), Number(seq)]));
  for (const [id, seq] of acknowledged) assert.equal(kept.get(id), seq);
});

test('the database stands still: seen within seconds, with what to do', { timeout: 120_000 }, async (t) => {
  const manager = await notifySocket();
  t.after(manager.end);
  const { mariadb, server, client } = await start(t, {}, () => {}, { NOTIFY_SOCKET: manager.socket });
  const status = () => run(['status', '--data-dir', path.join(server.folder, 'data')]);
  assert.equal((await status()).code, 0);
  mariadb.pause();
  t.after(() => mariadb.resume());
  const begin = performance.now();
  client.send({ type: 'chat_message', roomId: 'r', content: 'x', clientMessageId: 'm' });
  await until(async () => !(await ready(server)), 'the server is not ready');
  const seconds = (performance.now() - begin) / 1000;
  // That a thread stands still may be seen before it is known for what it waits.
  let said;
  await until(async () => /^archive +failing/m.test((said = await status()).stdout), 'status names the archive');
  assert.equal(said.code, 75);
  await manager.told.until((line) => /^STATUS=(writer stands still for \d+ s; )?the archive cannot keep anything now; /.test(line), 'the status says so');
  assert.match(await (await fetch(server.metrics)).text(), /^starling_store_healthy 0$/m);
  await until(() => server.lines.some((line) => /"level":"error".*stands still: if the writer .*look at the database/.test(line)), 'the log says so');
  t.diagnostic(`not ready after ${seconds.toFixed(1)} s`);
  assert.ok(seconds < 9, `${seconds} s`);
  mariadb.resume();
  await until(() => ready(server), 'the server is ready again');
  const answer = await client.next((frame) => frame.clientMessageId === 'm' && frame.type !== 'chat_message');
  if (answer.type === 'error') assert.equal((await say(client, 'm', 'x')).type, 'message_sent');
  assert.equal(String(await mariadb.query('SELECT count(*) FROM messages', 'starling')), '1');
});
