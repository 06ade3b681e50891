// The archive's users by the command line, beside a server that runs on it.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { LIMIT_MS, run, Server, UNLIMITED, within } from './harness.mjs';

const password = 'a-password-to-begin-with';
const other = 'and-another-password';
const config = `[limits]\n${UNLIMITED}`; // where it is asked until the answer is another

// The program on a server's archive; what it says, after it ended with `code`.
async function on(server, words, { code = 0, input } = {}) {
  const done = await run([...words, '--data-dir', path.join(server.folder, 'data')], { input });
  assert.equal(done.code, code, `${words.join(' ')}: ${done.stderr}`);
  return code === 0 ? done.stdout : done.stderr;
}
const login = (server, username, secret) => server.call('POST', '/api/sessions', { body: { username, password: secret } });

// Each core learns of it within a second, and any of them may answer a call.
async function until(server, token, status) {
  const end = Date.now() + LIMIT_MS;
  for (let right = 0; right < 8;) {
    assert.ok(Date.now() < end, `never ${status}`);
    const answer = await server.call('GET', '/api/users', { token });
    right = answer.status === status ? right + 1 : 0;
  }
}

test('users are made, listed and shown, and get in by the password that was read from stdin or a file', async () => {
  const server = await Server.start();
  try {
    const id = Number(await on(server, ['user', 'add', 'Ann', '--email', 'ann@example.org'], { input: `${password}\n` }));
    assert.equal((await login(server, 'ann', password)).status, 201);
    assert.match(await on(server, ['user', 'add', 'aNN', '--no-password'], { code: 73 }), /a user of that name already/);
    assert.match(await on(server, ['user', 'add', 'a<b', '--no-password'], { code: 65 }), /1 to 50 characters/);
    assert.match(await on(server, ['user', 'add', 'bob', '--no-password', '--email', 'nowhere'], { code: 65 }), /email/);
    assert.match(await on(server, ['user', 'add', 'bob'], { code: 65, input: 'short\n' }), /8 to 256 bytes/);
    assert.match(await on(server, ['user', 'add', 'bob'], { code: 65, input: '' }), /no password in standard input/);
    await on(server, ['user', 'add', 'bob', '--no-password']);
    assert.equal((await server.user('eve')).id, id + 2); // the server goes on behind what was made here

    const all = (await on(server, ['user', 'list', '--json'])).trim().split('\n').map((line) => JSON.parse(line));
    assert.deepEqual(all.map((user) => user.username), ['Ann', 'bob', 'eve']);
    assert.match(await on(server, ['user', 'list']), /^1 +Ann$/m);
    const ann = JSON.parse(await on(server, ['user', 'show', 'ann', '--json']));
    assert.deepEqual({ ...ann, createdAt: 0 }, { id, username: 'Ann', email: 'ann@example.org', createdAt: 0, lastSeenAt: null, isOnline: false, hasPassword: true, disabled: false });
    assert.match(await on(server, ['user', 'show', `id:${id + 1}`]), /^name {6}bob\n[^]*^password {2}none/m);
    assert.match(await on(server, ['user', 'show', 'nobody'], { code: 67 }), /there is no user nobody/);
    assert.match(await on(server, ['user', 'show', 'id:99'], { code: 67 }), /there is no user id:99/);

    const file = path.join(server.folder, 'password');
    writeFileSync(file, `${other}\n`);
    await on(server, ['user', 'password', 'bob', '--password-file', file]);
    assert.equal((await login(server, 'bob', other)).status, 201);
    await on(server, ['user', 'password', 'ann'], { input: other });
    assert.equal((await login(server, 'ann', password)).status, 401);
    assert.equal((await login(server, 'ann', other)).status, 201);
  } finally {
    await server.dispose();
  }
});

test('tokens are issued and looked into; revoke ends those from before, everywhere, and no others', async () => {
  const server = await Server.start({ args: ['--threads', '2'], config });
  const folder = path.join(server.folder, 'data');
  try {
    const bob = await server.user('bob');
    await on(server, ['user', 'add', 'ann', '--no-password']);
    const issue = async (...more) => (await on(server, ['token', 'issue', 'ann', ...more])).trim();
    const inspect = async (token, code = 0) => (await run(['token', 'inspect', '--json', '--data-dir', folder], { input: token }).then((done) => {
      assert.equal(done.code, code, done.stderr);
      return done.stdout && JSON.parse(done.stdout);
    }));
    const old = await issue('--days', '2');
    const seen = await inspect(old);
    assert.deepEqual([seen.state, seen.username], ['valid', 'ann']);
    assert.equal(Date.parse(seen.expiresAt) - Date.parse(seen.issuedAt), 2 * 86_400_000);
    await inspect(`${old}x`, 65);
    await on(server, ['token', 'issue', 'ann', '--days', '3651'], { code: 64 });
    assert.equal((await server.call('GET', '/api/users', { token: old })).status, 200);
    const clients = [];
    for (let i = 0; i < 4; ++i) clients.push(await server.session({ token: old })); // on both cores
    const bobs = await server.session(bob);

    await on(server, ['token', 'revoke', 'ann']);
    for (const client of clients) assert.equal((await within(client.closed, 'the close')).code, 4200);
    await until(server, old, 401);
    assert.equal((await inspect(old, 65)).state, 'revoked');
    const fresh = await issue();
    const again = await server.session({ token: fresh });
    await bobs.settle();
    await until(server, fresh, 200);

    // Another one is logged out by itself, as ever.
    assert.equal((await server.call('DELETE', '/api/sessions', { token: fresh })).status, 204);
    assert.equal((await within(again.closed, 'the close')).code, 4200);
    await bobs.settle();
    assert.equal((await inspect(fresh, 65)).state, 'revoked');
    await server.stop();
    await server.start(); // revocations outlive a restart
    assert.equal((await server.call('GET', '/api/users', { token: old })).status, 401);
    assert.equal((await server.call('GET', '/api/users', { token: bob.token })).status, 200);
  } finally {
    await server.dispose();
  }
});

test('who is disabled is out: sockets, calls, passwords, also tokens of others; enable lets in again', async () => {
  const server = await Server.start({ config });
  try {
    await on(server, ['user', 'add', 'ann'], { input: password });
    const { token } = (await login(server, 'ann', password)).body;
    const client = await server.member({ token }, 'r');
    await on(server, ['user', 'disable', 'ann']);
    // At once, whatever the shards have read: the archive itself refuses.
    assert.equal((await login(server, 'ann', password)).status, 401);
    client.send({ type: 'chat_message', roomId: 'r', content: 'still here', clientMessageId: '1' });
    const end = await within(client.closed, 'the close');
    assert.equal(end.code, 4200);
    assert.equal(client.frames.filter((frame) => frame.type === 'message_sent').length, 0);
    await until(server, token, 401);
    assert.equal(JSON.parse(await on(server, ['user', 'show', 'ann', '--json'])).disabled, true);
    assert.match(await on(server, ['token', 'issue', 'ann'], { code: 67 }), /disabled/);
    await on(server, ['token', 'revoke', 'ann']); // no way to get in again
    const late = await server.connect();
    await late.next('welcome');
    late.send({ type: 'auth', token });
    assert.equal((await late.next('error')).code, 'unauthenticated');

    await on(server, ['user', 'enable', 'ann']);
    const again = await login(server, 'ann', password);
    assert.equal(again.status, 201);
    await until(server, again.body.token, 200);
    assert.equal((await server.call('GET', '/api/users', { token })).status, 401);
  } finally {
    await server.dispose();
  }
});

test('without a database or a key nothing is made, and that is said; with a stopped server it works', async () => {
  const folder = path.join(mkdtempSync(path.join(tmpdir(), 'starling-users-')), 'data');
  for (const words of [['user', 'list'], ['token', 'issue', 'ann']]) {
    const done = await run([...words, '--data-dir', folder]);
    assert.equal(done.code, 66);
    assert.match(done.stderr, /there is no database .*; a server makes it when it starts/);
  }
  assert.ok(!existsSync(folder));
  const server = await Server.start();
  try {
    await server.user('ann');
    assert.equal(await server.stop(), 0);
    assert.match(await on(server, ['user', 'list']), /ann/);
    const token = (await on(server, ['token', 'issue', 'ann'])).trim();
    assert.equal(readFileSync(path.join(server.folder, 'data', 'secret'), 'utf8').length, 64);
    await server.start();
    await server.session({ token });
  } finally {
    await server.dispose();
  }
});
