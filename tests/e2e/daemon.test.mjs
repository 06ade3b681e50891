// The server as a service manager and an operator meet it: what it notifies, its watchdog, sockets
// that it is given, reload, drain, and questions by the control socket.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { Raw, run, Server, within } from './harness.mjs';
import { Lines } from './lines.mjs';
import { notifySocket } from './notify.mjs';

const python = '/usr/bin/python3';

test('the service manager is told READY when it serves, STATUS, RELOADING with a time, and STOPPING', async () => {
  const manager = await notifySocket();
  const server = new Server({ env: { NOTIFY_SOCKET: manager.socket } });
  try {
    const starting = server.start();
    await manager.told.until((line) => line === 'READY=1', 'READY');
    await starting; // ready comes when clients are served, not before
    assert.equal((await fetch(`${server.url}/readyz`)).status, 200);
    const ann = await server.user('ann');
    await server.session(ann);
    await manager.told.until((line) => /^STATUS=Serving [1-9]\d* connections, \d+ messages\/s delivered$/.test(line), 'a connection in the status');
    const before = manager.told.lines.length;
    server.child.kill('SIGHUP');
    const reloading = await manager.told.until((line) => line.startsWith('RELOADING=1 MONOTONIC_USEC='), 'RELOADING');
    const usec = Number(reloading.split('=')[2]);
    const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
    assert.ok(Math.abs(usec / 1e6 - uptime) < 60, reloading);
    await manager.told.until((line) => manager.told.lines.lastIndexOf('READY=1') > before && line === 'READY=1', 'READY after a reload');
    assert.equal(await server.stop(), 0);
    await manager.told.until((line) => line === 'STOPPING=1', 'STOPPING');
    assert.equal(manager.told.lines.filter((line) => line.startsWith('WATCHDOG')).length, 0, 'no watchdog was asked for');
  } finally {
    manager.end();
    await server.dispose();
  }
});

// Stops one thread of a process, as a wedged one would stand, until its input ends.
function freeze(tid) {
  const script = `
import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
tid = int(sys.argv[1])
assert libc.ptrace(0x4206, tid, None, None) == 0, ctypes.get_errno()
assert libc.ptrace(0x4207, tid, None, None) == 0, ctypes.get_errno()
os.waitpid(tid, 0x40000000)
print("frozen", flush=True)
sys.stdin.read()`;
  return new Lines(spawn(python, ['-c', script, String(tid)], { stdio: ['pipe', 'pipe', 'inherit'] }));
}

function threadNamed(pid, name) {
  const folder = `/proc/${pid}/task`;
  return readdirSync(folder).find((tid) => readFileSync(`${folder}/${tid}/comm`, 'utf8').trim() === name);
}

// What an operator asks, with a patience of their own.
async function answer_of(url) {
  const response = await fetch(url, { signal: AbortSignal.timeout(2_000) });
  return { status: response.status, text: await response.text() };
}

for (const thread of ['shard-0', 'shard-1', 'writer']) {
  test(`the watchdog is fed while all threads turn; ${thread} standing still ends that and is told`, async () => {
    const manager = await notifySocket();
    const server = await Server.start({ args: ['--threads', '2'], env: { NOTIFY_SOCKET: manager.socket, WATCHDOG_USEC: '400000' } });
    let frozen;
    try {
      const fed = () => manager.told.lines.filter((line) => line === 'WATCHDOG=1').length;
      await manager.told.until(() => fed() >= 5, 'five meals');
      frozen = freeze(threadNamed(server.child.pid, thread));
      await frozen.until((line) => line === 'frozen', 'the thread stands still');
      await manager.told.until((line) => line.startsWith(`STATUS=${thread} stands still for`), 'the status');
      const last = fed();
      let line;
      await manager.told.until(() => (line = server.lines.find((one) => one.includes('a thread stands still'))), 'a line that says so');
      assert.ok(line.includes(`"thread":"${thread}"`) && line.includes('database'), line);
      const told = await run(['status', '--data-dir', path.join(server.folder, 'data')]);
      assert.equal(told.code, 75);
      assert.match(told.stdout, /^threads 1 of them standing still/m);
      const ready = await answer_of(server.metrics.replace('/metrics', '/readyz?verbose'));
      const scrape = await answer_of(server.metrics);
      assert.equal(ready.status, 503);
      assert.match(ready.text, /^\[-\]threads: /m);
      assert.match(scrape.text, /^starling_stalled_threads 1$/m);
      assert.equal(fed(), last, 'the watchdog starves');
      frozen.child.stdin.end();
      await manager.told.until(() => fed() > last, 'a meal after it turns again');
      await manager.told.until(() => server.lines.some((one) => one.includes('turn again')), 'the good news');
      assert.equal((await fetch(server.metrics.replace('/metrics', '/readyz'))).status, 200);
    } finally {
      frozen?.child.kill('SIGKILL');
      manager.end();
      await server.dispose();
    }
  });
}

test('it serves on sockets that the service manager listens on', async () => {
  const script = `
import os, socket, sys
public, admin = socket.create_server(("127.0.0.2", 0)), socket.create_server(("127.0.0.3", 0))
for number, one in ((13, public), (14, admin)): os.dup2(one.fileno(), number)
for number in (3, 4): os.dup2(number + 10, number)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS="2", LISTEN_FDNAMES="starling.socket:admin")
os.closerange(5, 64)
os.execv(sys.argv[1], sys.argv[1:])`;
  const server = await Server.start({ through: [python, '-c', script] });
  try {
    assert.deepEqual([server.url, server.metrics].map((url) => new URL(url).hostname), ['127.0.0.2', '127.0.0.3']);
    assert.equal((await server.call('GET', '/livez')).status, 200);
    assert.match(await (await fetch(server.metrics)).text(), /starling_build_info/);
    await server.session(await server.user('ann'));
    assert.equal(await server.stop(), 0);
  } finally {
    await server.dispose();
  }
});

test('reload: settings that may change do so on every core, connections stay; wrong ones change nothing', async () => {
  const server = new Server({ args: ['--threads', '2'], config: '[limits]\nmessage_bytes = 10\n' });
  const file = path.join(server.folder, 'starling.toml');
  const reload = () => run(['reload', '--data-dir', path.join(server.folder, 'data')]);
  const metric = async () => /^starling_config_last_reload_successful (\d)$/m.exec(await (await fetch(server.metrics)).text())[1];
  await server.start();
  try {
    const ann = await server.user('ann');
    const clients = [];
    for (let i = 0; i < 4; ++i) clients.push(await server.member(ann, 'r')); // on both cores
    const long = (client, id) => client.send({ type: 'chat_message', roomId: 'r', content: 'x'.repeat(20), clientMessageId: id });
    for (const client of clients) {
      long(client, 'first');
      assert.equal((await client.next('error')).code, 'too_large');
    }
    writeFileSync(file, '[limits]\nmessage_bytes = 30\n[server]\npin = true\n');
    const done = await reload();
    assert.equal(done.code, 0, done.stderr);
    assert.match(done.stdout, /changed: limits\.message_bytes\nwaiting for a restart: server\.pin/);
    for (const [i, client] of clients.entries()) {
      long(client, `second-${i}`);
      await client.next((frame) => frame.type === 'message_sent' && frame.clientMessageId === `second-${i}`);
    }
    assert.ok(server.lines.some((line) => line.includes('wait for a restart') && line.includes('server.pin')));
    assert.equal(await metric(), '1');

    writeFileSync(file, '[limits]\nmessage_bytes = 5\nmesage_burst = 1\n');
    const wrong = await reload();
    assert.equal(wrong.code, 78);
    assert.match(wrong.stderr, /starling\.toml:3:1: error: unknown key 'limits\.mesage_burst', did you mean/);
    assert.equal(await metric(), '0');
    long(clients[0], 'third');
    await clients[0].next((frame) => frame.type === 'message_sent' && frame.clientMessageId === 'third');

    // Fits the file's own frame_bytes, but that waits for a restart.
    writeFileSync(file, '[limits]\nmessage_bytes = 65536\nframe_bytes = 1000000\n[http]\nmax_body_bytes = 1000000\n');
    const together = await reload();
    assert.equal(together.code, 78);
    assert.match(together.stderr, /limits\.frame_bytes/);
    assert.equal(clients.filter((client) => client.close_code !== undefined).length, 0);
  } finally {
    await server.dispose();
  }
});

test('reload changes limits that all cores share, up and down, with what is held counted on', async () => {
  const server = new Server({ config: '[limits]\nuser_connections = 0\n' });
  const limit = async (connections) => {
    writeFileSync(path.join(server.folder, 'starling.toml'), `[limits]\nuser_connections = ${connections}\n`);
    const { code, stderr } = await run(['reload', '--data-dir', path.join(server.folder, 'data')]);
    assert.equal(code, 0, stderr);
  };
  await server.start();
  try {
    const ann = await server.user('ann');
    const clients = [await server.session(ann), await server.session(ann)];
    await limit(2);
    const third = await server.connect();
    await third.next('welcome');
    third.send({ type: 'auth', token: ann.token });
    assert.equal((await third.next('error')).code, 'rate_limited');
    await clients[0].close();
    await clients[1].close();
    await limit(3);
    for (let i = 0; i < 3; ++i) await server.session(ann);
  } finally {
    await server.dispose();
  }
});

test('log-level changes what is logged; a level that is none is 64, no server 69', async () => {
  const server = await Server.start();
  const folder = path.join(server.folder, 'data');
  try {
    assert.equal(statSync(path.join(folder, 'control')).mode & 0o777, 0o600);
    assert.equal((await run(['log-level', 'loud', '--data-dir', folder])).code, 64);
    assert.equal((await run(['log-level', 'error', '--data-dir', folder])).code, 0);
    await run(['reload', '--data-dir', folder]); // puts the level of the settings back
    await run(['log-level', 'error', '--data-dir', folder]);
    await within((async () => { // what was said before that is on its way
      while (!server.lines.some((line) => line.includes('settings reloaded'))) await once(server.child.stderr, 'data');
    })(), 'the last line');
    server.lines.length = 0;
    assert.equal(await server.stop(), 0);
    assert.deepEqual(server.lines, []);
    const nobody = await run(['reload', '--data-dir', folder]);
    assert.equal(nobody.code, 69);
    assert.match(nobody.stderr, /no server runs on the data folder/);
  } finally {
    await server.dispose();
  }
});

test('while it drains: readyz 503, upgrades 503 with Retry-After, each client a delay of its own; who stays is waited for', async () => {
  const server = await Server.start({ args: ['--threads', '2'], config: '[server]\ndrain_window_ms = 1000\ndrain_deadline_ms = 60000\n' });
  try {
    const ann = await server.user('ann');
    const stays = await server.member(ann, 'r');
    const clients = [];
    for (let i = 0; i < 40; ++i) clients.push(await server.session(ann));
    stays.socket.pause(); // neither reads nor hangs up
    const exit = server.stop();
    const delays = [];
    for (const client of clients) {
      delays.push((await client.next('reconnect')).afterMs);
      await within(client.closed, 'the close');
    }
    assert.ok(Math.max(...delays) < 1000 && new Set(delays).size > 20, `${delays}`);
    // A connection of its own: idle ones end when their shard has drained, maybe while fetch picks one.
    const ready = await Raw.exchange(server, 'GET /readyz?verbose HTTP/1.1\r\nHost: x\r\n\r\n');
    assert.match(ready, /^HTTP\/1\.1 503 [^]*draining/);
    assert.equal((await fetch(server.metrics.replace('/metrics', '/readyz'))).status, 503);
    const answer = await Raw.exchange(server, 'GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n');
    assert.match(answer, /^HTTP\/1\.1 503 [^]*\r\nRetry-After: \d+\r\n/i);
    stays.socket.terminate();
    assert.equal(await exit, 0);
  } finally {
    await server.dispose();
  }
});

test('drain sends the clients away and returns when the server has ended', async () => {
  const server = await Server.start();
  try {
    const client = await server.session(await server.user('ann'));
    const drained = run(['drain', '--data-dir', path.join(server.folder, 'data')]);
    assert.equal((await within(client.closed, 'the close')).code, 4100);
    const [code] = await within(server.ended, 'the end');
    assert.equal(code, 0);
    assert.deepEqual([(await drained).code, (await drained).stdout], [0, 'draining\n']);
  } finally {
    await server.dispose();
  }
});

test('status says how the server is, for people and programs, and by its exit code', async () => {
  const server = await Server.start();
  const status = (...args) => run(['status', '--data-dir', path.join(server.folder, 'data'), ...args]);
  try {
    const ann = await server.user('ann');
    await server.member(ann, 'r');
    for (;;) { // numbers are told once a second
      const { code, stdout, stderr } = await status();
      assert.equal(code, 0, stderr);
      assert.match(stdout, /^starling \S+ on 127\.0\.0\.1:\d+ since \S+Z\nserver  [0-9a-f]+\nload    .*\narchive ok\nbus     none: this server is alone\n$/);
      if (/[12] connections?, 1 room, /.test(stdout)) break; // the registration's may still be there
    }
    const [self, ...others] = JSON.parse((await status('--json')).stdout).servers;
    assert.deepEqual(others, []);
    const [shown] = (await server.call('GET', '/api/fleet', { token: ann.token })).body.servers;
    assert.deepEqual({ ...self, connections: 0 }, { ...shown, connections: 0 });
  } finally {
    await server.stop();
  }
  const nobody = await status();
  assert.equal(nobody.code, 69);
  assert.match(nobody.stderr, /no server runs on the data folder/);
  await server.dispose();
});
