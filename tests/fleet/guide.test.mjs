// The statements and commands of docs/guides/mysql.md, as they stand there, at a database of the test's; but for
// mariadb-dump, whose package is large: tables are copied by SQL instead.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Server, binary, run } from '../e2e/harness.mjs';
import { startMariadb } from './mariadb.mjs';

const page = readFileSync(new URL('../../docs/guides/mysql.md', import.meta.url), 'utf8');
const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, language, text]) => ({ language, text }));
const block = (mark) => {
  const found = blocks.filter(({ text }) => text.includes(mark));
  assert.equal(found.length, 1, mark);
  return found[0].text;
};

test('the guide leads from a chat in SQLite to one in MariaDB, and to a copy of it', { timeout: 120_000 }, async (t) => {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-guide-'));
  const mariadb = await startMariadb();
  t.after(async () => {
    await mariadb.dispose();
    rmSync(folder, { recursive: true });
  });
  await mariadb.query('DROP DATABASE starling; DROP USER starling');
  await mariadb.query(block('CREATE DATABASE'));
  writeFileSync(path.join(folder, 'admin-password'), 'the password of who migrates\n');
  writeFileSync(path.join(folder, 'server-password'), 'the password of the servers\n');
  const here = (text) => text.replaceAll('db.example.org:3306', `127.0.0.1:${mariadb.port}`);
  const shell = (text) => execFileSync('bash', ['-ec', `starling() { ${binary} "$@"; }\n${here(text)}`],
    { cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH }, stdio: ['ignore', 'pipe', 'pipe'] });
  const serving = (database) => ({
    config: '[auth]\nsecret = "a secret that both have"\n',
    env: {
      STARLING_STORE__URL: `mysql://starling@127.0.0.1:${mariadb.port}/${database}`,
      STARLING_STORE__PASSWORD_FILE: path.join(folder, 'server-password'),
    },
  });

  const first = await Server.start({ config: serving('').config });
  t.after(() => first.dispose());
  const ann = await first.user('ann');
  const client = await first.member(ann, 'r');
  client.send({ type: 'chat_message', roomId: 'r', content: 'of before', clientMessageId: 'k' });
  const sent = await client.next('message_sent');
  const { epoch } = client.session;
  await first.stop();
  execFileSync('cp', [path.join(first.folder, 'data/starling.db'), folder]);
  const wal = path.join(first.folder, 'data/starling.db-wal');
  execFileSync('bash', ['-c', `[ ! -f ${wal} ] || cp ${wal} ${folder}`]);

  const refused = await run(['serve', '--port', '0', '--data-dir', path.join(folder, 'none')], { env: serving('starling').env });
  assert.equal(refused.code, 78);
  assert.match(shell(block('starling migrate up')), /^1 {2}pending[^]*^1 {2}done/m);
  shell(block('starling store copy'));

  // With no more than the privileges of the guide.
  const server = await Server.start(serving('starling'));
  t.after(() => server.dispose());
  const again = await server.member(ann, 'r');
  assert.deepEqual([again.session.epoch, again.joined.headSeq], [epoch, 1]);
  again.send({ type: 'chat_message', roomId: 'r', content: 'again', clientMessageId: 'k' });
  assert.equal((await again.next('message_sent')).id, sent.id);
  assert.equal((await server.call('DELETE', '/api/sessions', { token: (await server.user('bob')).token })).status, 204);

  await server.stop();
  await mariadb.query('CREATE DATABASE restored; GRANT SELECT, INSERT, UPDATE, DELETE ON restored.* TO starling');
  for (const [table] of await mariadb.query('SHOW TABLES', 'starling')) {
    await mariadb.query(`CREATE TABLE restored.${table} LIKE starling.${table}; INSERT INTO restored.${table} SELECT * FROM starling.${table}`);
  }
  await mariadb.query(block('UPDATE starling.meta').replace('starling.meta', 'restored.meta'));
  const restored = await Server.start(serving('restored'));
  t.after(() => restored.dispose());
  const late = await restored.session(ann);
  assert.ok(late.session.epoch > epoch, 'clients start afresh');
});
