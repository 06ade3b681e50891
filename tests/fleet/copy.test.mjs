// An archive moves from one database to another: every row, every number and the epoch, so that
// clients of before resume at the new one.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Server, UNLIMITED, binary, range, run } from '../e2e/harness.mjs';
import { DatabaseProxy } from './database_proxy.mjs';
import { startMariadb } from './mariadb.mjs';

// Messages that are copied: those of a chat, then as many more rows as this.
const MESSAGES = Number(process.env.STARLING_COPY_MESSAGES ?? 20_000);
const config = `[auth]\nsecret = "a secret that both servers have"\n[limits]\n${UNLIMITED}`;
const env = (url) => ({ STARLING_STORE__URL: url });
const folder = mkdtempSync(path.join(tmpdir(), 'starling-copy-'));
let mariadb;
before(async () => (mariadb = await startMariadb()));
after(async () => {
  await mariadb.dispose();
  rmSync(folder, { recursive: true });
});

const copy = (...args) => run(['store', 'copy', ...args]);
const said = (result) => (assert.equal(result.code, 0, result.stderr), JSON.parse(result.stdout));

// A chat that has all there is: users with and without a password, rooms, messages with and without
// keys, deleted ones, read marks, restrictions, a revoked token, text of four bytes, quotes and zeros.
async function chat(t) {
  const server = await Server.start({ config });
  t.after(() => server.dispose());
  const data = path.join(server.folder, 'data/starling.db');
  const ann = await server.user('ann', { password: 'a long password' });
  const bob = await server.user('bob 🐦', { email: 'bob@example.org' });
  const client = await server.member(ann, 'r');
  const carl = await server.user('carl');
  const other = await server.member(carl, 'r');
  for (let i = 0; i < 50; ++i) {
    client.send({ type: 'chat_message', roomId: 'r', content: `${i} 🐦 'quoted' \\ \u0000 "twice"`, clientMessageId: `k${i}`, metadata: { n: i } });
    await client.next('message_sent');
  }
  const sent = await server.call('POST', '/api/messages', { token: bob.token, body: { content: 'without a key', room_id: 'r' } });
  const id = sent.body.data.id;
  assert.equal((await server.call('DELETE', `/api/messages/${id}`, { token: bob.token })).status, 200);
  other.send({ type: 'mark_read', roomId: 'r', seq: 20 });
  await other.next((frame) => frame.type === 'read_update' && frame.seq === 20);
  const { body } = await server.call('POST', '/api/sessions', { body: { username: 'ann', password: 'a long password' } });
  assert.equal((await server.call('DELETE', '/api/sessions', { token: body.token })).status, 204);
  const epoch = client.session.epoch;
  assert.equal(await server.stop(), 0);
  return { server, data, ann, carl, epoch };
}

test('an archive moves to MariaDB and back, and clients resume', { timeout: 300_000 }, async (t) => {
  const { server, data, ann, carl, epoch } = await chat(t);
  const url = await mariadb.database('house');
  const query = (sql) => mariadb.query(sql, 'house');

  await server.start();
  const busy = await copy(`sqlite:${data}`, url);
  assert.equal(busy.code, 69, busy.stderr);
  assert.match(busy.stderr, /a server uses .*stop it first/);
  await server.stop();

  const dry = said(await copy(`sqlite:${data}`, url, '--dry-run', '--json'));
  assert.equal(dry.copied, false);
  assert.deepEqual(await query('SHOW TABLES'), [], 'a dry run does nothing');

  const done = said(await copy(`sqlite:${data}`, url, '--json'));
  assert.deepEqual({ ...dry, copied: true }, done);
  const rows = Object.fromEntries(done.tables.map((table) => [table.name, table.rows]));
  assert.deepEqual(rows, { users: 3, rooms: 1, messages: 52, members: 2, restrictions: 0, revoked_tokens: 1 });
  const tables = (await query('SHOW TABLES')).flat().filter((name) => !['meta', 'schema_migrations'].includes(name));
  assert.deepEqual(Object.keys(rows).sort(), tables, 'no table is left out');
  assert.equal(String(await query("SELECT value FROM meta WHERE name = 'epoch'")), String(done.epoch));

  const again = await copy(`sqlite:${data}`, url);
  assert.equal(again.code, 73, 'nothing is copied over what is there');
  assert.match(again.stderr, /is not empty/);

  const moved = await Server.start({ config, env: env(url) });
  t.after(() => moved.dispose());
  // Who had read up to 7 goes on at 8; what is sent again is known; and numbers go on.
  const client = await moved.session(ann);
  assert.equal(client.session.epoch, epoch);
  client.send({ type: 'join_room', roomId: 'r', afterSeq: 7, epoch });
  const joined = await client.next('room_joined');
  assert.equal(joined.headSeq, 52);
  await client.next((frame) => frame.seq === 52);
  assert.deepEqual(client.seqs(), range(8, 51));
  client.send({ type: 'chat_message', roomId: 'r', content: 'again', clientMessageId: 'k3' });
  const known = await client.next('message_sent');
  assert.deepEqual([known.duplicate, known.seq], [true, 4]);
  client.send({ type: 'chat_message', roomId: 'r', content: 'on we go', clientMessageId: 'new' });
  assert.equal((await client.next('message_sent')).seq, 53);
  const reader = await moved.session(carl);
  assert.deepEqual(reader.session.rooms.map(({ roomId, readSeq }) => [roomId, readSeq]), [['r', 20]]);
  assert.equal((await moved.call('POST', '/api/sessions', { body: { username: 'ANN', password: 'a long password' } })).status, 201);
  const used = await copy(url, `sqlite:${folder}/back.db`);
  assert.equal(used.code, 69, used.stderr);
  assert.match(used.stderr, /is in use \(starling@/);
  await moved.stop();

  const back = said(await copy(url, `sqlite:${folder}/back.db`, '--json'));
  assert.equal(back.tables.find(({ name }) => name === 'messages').rows, 53);
  assert.equal(statSync(`${folder}/back.db`).mode & 0o777, 0o600);
  assert.equal((await copy(url, `sqlite:${folder}/back.db`)).code, 73, 'a file is there');
  const home = await Server.start({ config, env: env(`sqlite:${folder}/back.db`) });
  t.after(() => home.dispose());
  const late = await home.session(ann);
  assert.equal(late.session.epoch, epoch);
  late.send({ type: 'join_room', roomId: 'r', afterSeq: 52, epoch });
  assert.equal((await late.next('chat_message')).seq, 53);
});

test('a copy that is killed is no archive, and begins anew', { timeout: 300_000 }, async (t) => {
  const { data } = await chat(t);
  const url = await mariadb.database('half');
  const first = said(await copy(`sqlite:${data}`, url, '--json'));
  // Many more rows, by way of MariaDB, which makes them quickly.
  const more = await mariadb.database('large');
  said(await copy(`sqlite:${data}`, more, '--json'));
  await mariadb.query(`INSERT INTO messages (id, room_id, seq, kind, sender_id, sender_name, content, message_type, metadata, client_message_id,
    created_at, messages_before, prev_id) SELECT 1000000 + seq, CONCAT('room ', seq % 7), 1 + seq DIV 7, 0, 1, 'ann', REPEAT(CONCAT(seq, ' words '), 12),
    'text', '', CONCAT('c', seq), 1650000000000 + seq, seq DIV 7, IF(seq < 7, 0, 999993 + seq) FROM seq_0_to_${MESSAGES - 1}`, 'large');
  await mariadb.query(`INSERT INTO rooms (id, head, messages, last_id, members, created_at) SELECT room_id, MAX(seq), MAX(seq), MAX(id), 0, 1650000000000
    FROM messages WHERE room_id <> 'r' GROUP BY room_id`, 'large');
  const began = performance.now();
  said(await copy(more, `sqlite:${folder}/large.db`, '--json'));
  t.diagnostic(`${MESSAGES} messages from MariaDB to SQLite: ${Math.round(performance.now() - began)} ms`);

  const target = await mariadb.database('killed');
  const proxy = await DatabaseProxy.start(mariadb, { plain: true });
  t.after(() => proxy.close());
  const some = proxy.catch(/^INSERT INTO messages/, { pass: true });
  const child = spawn(binary, ['store', 'copy', `sqlite:${folder}/large.db`, proxy.url.replace(/[^/]*$/, 'killed')], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(child, 'close');
  await proxy.answered(await some); // it is there, and the copy waits to hear so
  assert.notEqual(String(await mariadb.query('SELECT count(*) FROM messages', 'killed')), '0');
  child.kill('SIGKILL');
  await ended;
  const refused = await run(['serve', '--port', '0', '--admin', '127.0.0.1:0', '--data-dir', `${folder}/none`], { env: env(target) });
  assert.equal(refused.code, 69);
  assert.match(refused.stderr, /holds a copy that was not finished/);
  const then = performance.now();
  const whole = said(await copy(`sqlite:${folder}/large.db`, target, '--json'));
  t.diagnostic(`${MESSAGES} messages from SQLite to MariaDB: ${Math.round(performance.now() - then)} ms`);
  assert.equal(whole.tables.find(({ name }) => name === 'messages').rows, MESSAGES + 52);
  const different = await mariadb.query('SELECT count(*) FROM large.messages l LEFT JOIN killed.messages k USING (id, room_id, seq, client_message_id, prev_id) WHERE k.content IS NULL OR BINARY k.content <> BINARY l.content');
  assert.equal(String(different), '0');
  assert.ok(!existsSync(`${folder}/large.db.partial`));
  assert.equal(first.epoch, whole.epoch);
});

test('what cannot be copied is refused, with the reason and an exit code', async (t) => {
  const url = await mariadb.database('refusals');
  const original = await mariadb.database('old_chat');
  await mariadb.query('CREATE TABLE users (id INT); CREATE TABLE messages (id INT, sender_id INT)', 'old_chat');
  const noise = path.join(folder, 'noise.db');
  writeFileSync(noise, 'no database, whatever its length'.repeat(1000));
  const { data } = await chat(t);
  const refusals = [
    [64, /neither sqlite:PATH nor mysql/, 'postgres://x', url],
    [64, /are the same/, url, url],
    [66, /there is no database/, `sqlite:${folder}/nothing.db`, url],
    [65, /is no archive/, `sqlite:${noise}`, url],
    [65, /is no archive of this version/, url, `sqlite:${folder}/other.db`],
    [73, /tables of the PHP original/, `sqlite:${data}`, original],
    [69, /127\.0\.0\.1:1/, `sqlite:${data}`, 'mysql://u:pass-word@127.0.0.1:1/x'],
    [74, /Permission|No such file|unable to open/, `sqlite:${data}`, 'sqlite:/nowhere/at/all.db'],
  ];
  for (const [code, reason, from, to] of refusals) {
    const refused = await copy(from, to);
    assert.equal(refused.code, code, refused.stderr);
    assert.match(refused.stderr, reason);
    assert.ok(!refused.stderr.includes('pass-word'), refused.stderr);
  }
  // A row that changed on the way is noticed, and what was copied is no archive.
  await run(['migrate', 'up'], { env: env(url) });
  await mariadb.query("CREATE TRIGGER shorter BEFORE INSERT ON messages FOR EACH ROW SET NEW.content = CONCAT(NEW.content, ' ')", 'refusals');
  const different = await copy(`sqlite:${data}`, url);
  assert.equal(different.code, 65);
  assert.match(different.stderr, /the copy differs in the table messages: 52 rows .* instead of 52/);
  const serve = await run(['serve', '--port', '0', '--admin', '127.0.0.1:0', '--data-dir', `${folder}/none`], { env: env(url) });
  assert.match(serve.stderr, /was not finished/);
});
