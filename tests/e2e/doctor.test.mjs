// What starling doctor and check --deep say, of what is well and of what is not.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { freePort, run, Server, unshare, within } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'starling-doctor-'));
const data = ['--data-dir', path.join(folder, 'data')];
const env = async (more = {}) => ({ STARLING_SERVER__PORT: String(await freePort()), STARLING_LIMITS__CONNECTIONS: '100', ...more });
// The line of a subject.
const line = (text, subject) => text.split('\n').find((one) => one.slice(9).startsWith(`${subject} `)) ?? `no ${subject} in ${text}`;

test('on a host where all is well every line is ok, for people and programs', async () => {
  const { code, stdout, stderr } = await run(['doctor', ...data], { env: await env() });
  assert.deepEqual([code, stderr], [0, '']);
  for (const subject of ['data folder', 'io_uring', 'descriptors', 'archive', 'bus', 'port', 'server']) assert.match(line(stdout, subject), /^ok /);
  const { findings } = JSON.parse((await run(['doctor', '--json', ...data], { env: await env() })).stdout);
  assert.ok(findings.every(({ subject, state, what }) => subject && ['ok', 'warning'].includes(state) && what));
  assert.equal(findings.length, stdout.trim().split('\n').length);
});

test('a port that is taken, a database that is none or away, a folder that cannot be: each with its cure and code', async () => {
  const listener = net.createServer().listen(await freePort(), '127.0.0.1');
  await once(listener, 'listening');
  const { port } = listener.address();
  const taken = await run(['doctor', ...data], { env: await env({ STARLING_SERVER__PORT: String(port) }) });
  assert.equal(taken.code, 69);
  assert.match(line(taken.stdout, 'port'), new RegExp(`^FAILED .*${port}: Address already in use.*; cure: ss -ltnp`));
  const nowhere = await run(['doctor', '--data-dir', '/proc/none/data'], { env: await env() });
  assert.equal(nowhere.code, 69);
  assert.match(line(nowhere.stdout, 'data folder'), /^FAILED .*\/proc\/none\/data.*; cure: make it/);
  const text = path.join(folder, 'text.db');
  writeFileSync(text, 'no database');
  const none = await run(['doctor', ...data], { env: await env({ STARLING_STORE__URL: `sqlite:${text}` }) });
  assert.equal(none.code, 69);
  assert.match(line(none.stdout, 'archive'), /^FAILED .*text\.db.*; cure: /);
  listener.close();
  await once(listener, 'close');
  const url = `mysql://nobody:planted-password@127.0.0.1:${port}/none`;
  const bus = { STARLING_BUS__URL: `amqp://nobody:planted-password@127.0.0.1:${port}/`, STARLING_AUTH__SECRET: 'a secret that servers share' };
  const away = await run(['doctor', ...data], { env: await env({ STARLING_STORE__URL: url, ...bus }) });
  assert.equal(away.code, 69);
  assert.match(line(away.stdout, 'archive'), /^FAILED .*; cure: start the database/);
  assert.match(line(away.stdout, 'bus'), /^warning .*find each other by the archive; cure: start the broker/);
  assert.ok(!away.stdout.includes('planted'));
});

test('what is no failure and not well either is a warning with its cure, and the exit code stays 0', async () => {
  const few = await run(['doctor', ...data], { env: await env(), through: ['/usr/bin/prlimit', '--nofile=300'] });
  assert.match(line(few.stdout, 'descriptors'), /^warning .*300 may be open, fewer than limits\.connections = 100 need; cure: LimitNOFILE=356 /);
  const through = unshare('net', 'ip link set lo up && echo 100 > /proc/sys/net/core/somaxconn');
  const short = await run(['doctor', ...data], { env: await env(), through });
  assert.match(line(short.stdout, 'kernel'), /^warning .*net\.core\.somaxconn is 100: .*; cure: sysctl net\.core\.somaxconn=4096$/);
  assert.deepEqual([few.code, short.code], [0, 0]);
  const { findings } = JSON.parse((await run(['doctor', '--json', ...data], { env: await env(), through })).stdout);
  assert.deepEqual(findings.filter(({ state }) => state === 'warning').map(({ subject }) => subject), ['kernel']);
});

test('check --deep looks at what a file names, and at nothing more', async () => {
  const file = path.join(folder, 'starling.toml');
  mkdirSync(path.join(folder, 'deep'));
  const config = (port) => writeFileSync(file, `[server]\nport = ${port}\ndata_dir = "${folder}/deep"\n[limits]\nconnections = 100\n`);
  config(await freePort());
  const good = await run(['check', file, '--deep']);
  assert.equal(good.code, 0, good.stdout);
  assert.match(line(good.stdout, 'port'), /is free/);
  const listener = net.createServer().listen(await freePort(), '127.0.0.1');
  await once(listener, 'listening');
  config(listener.address().port);
  assert.equal((await run(['check', file])).code, 0);
  assert.equal((await run(['check', file, '--deep'])).code, 69);
  listener.close();
});

test('of a server that runs: that it upgrades; while it drains, that it does not', async () => {
  const server = await Server.start({ config: '[server]\ndrain_window_ms = 0\ndrain_deadline_ms = 60000\n[limits]\nconnections = 100\n' });
  const doctor = () => run(['doctor', '--data-dir', path.join(server.folder, 'data')]);
  try {
    const well = await doctor();
    assert.equal(well.code, 0, well.stdout);
    assert.match(line(well.stdout, 'ports'), /a server runs on this data folder/);
    assert.match(line(well.stdout, 'server'), /^ok +server +starling \S+ on 127\.0\.0\.1:/);
    assert.match(line(well.stdout, 'websocket'), /^ok .* upgrades: where browsers fail, look at the proxy .*http\.allowed_origins/);
    const stays = await server.member(await server.user('ann'), 'r');
    stays.socket.pause();
    const ended = server.stop();
    const other = await within((async () => {
      for (;;) {
        const said = await doctor();
        if (said.stdout.includes('it drains')) return said;
      }
    })(), 'the drain');
    assert.equal(other.code, 69);
    assert.match(line(other.stdout, 'websocket'), /^FAILED .*503.*; cure: where it drains, wait/);
    stays.socket.terminate();
    assert.equal(await ended, 0);
  } finally {
    await server.dispose();
  }
});
