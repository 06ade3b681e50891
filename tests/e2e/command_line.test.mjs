// The program as an operator meets it: help, configuration errors, exit codes, signals.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { binary, instrumented, run, Server, within } from './harness.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'starling-cli-'));
const file = (name, text) => {
  const full = path.join(folder, name);
  writeFileSync(full, text);
  return full;
};
const serve = (...args) => run(['serve', '--port', '0', '--admin', '127.0.0.1:0', '--data-dir', path.join(folder, 'data'), ...args]);

test('help and version go to stdout, usage errors to stderr with 64', async () => {
  for (const args of [[], ['--help'], ['-h'], ['help'], ['help', 'serve'], ['serve', '--help'], ['check', '--help'], ['config', '--help'], ['config', 'show', '-h'], ['help', 'config', 'show']]) {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stderr], [0, ''], args.join(' '));
    assert.match(stdout, /^Usage: starling /m, args.join(' '));
  }
  for (const version of ['version', '--version']) assert.match((await run([version])).stdout, /^starling \d+\.\d+\.\d+\n$/);
  assert.ok(JSON.parse((await run(['version', '--json'])).stdout).version);
  const typo = await run(['serv']);
  assert.equal(typo.code, 64);
  assert.match(typo.stderr, /did you mean 'serve'\?/);
  for (const [args, said] of [
    [['serve', '--prot', '1'], "unknown option '--prot', did you mean '--port'?"], [['check'], 'FILE is missing'], [['check', 'a', 'b'], "one argument too many: 'b'"],
    [['log-level', 'debg'], "unknown level 'debg', did you mean 'debug'? (one of debug, info, warning, error)"], [['help', 'nothing'], "unknown command 'nothing'"],
    [['serve', '--admin', 'x'], '--admin must be HOST:PORT'], [['serve', '--port'], '--port'], [['config'], 'config needs one of show, default'], [['config', '--json'], "unknown option '--json'"],
  ]) {
    const { code, stdout, stderr } = await run(args);
    assert.deepEqual([code, stdout], [64, ''], args.join(' '));
    assert.ok(stderr.startsWith('starling: ') && stderr.includes(said) && stderr.endsWith("\nTry 'starling --help'.\n"), stderr);
  }
});

test('every mistake of a file is shown in one run, with line and column', async () => {
  const bad = file('bad.toml', '[server]\nthread = 1\nport = 70000\n\n[limits]\nmessage_bytes = "big"\n[sever]\nx = 1\n[auth]\nmode = "none"\n');
  const { code, stderr } = await run(['check', bad]);
  assert.equal(code, 78);
  const lines = stderr.split('\n').filter((line) => line.includes(': error: '));
  assert.deepEqual(lines.map((line) => line.slice(bad.length)), [
    ":2:1: error: unknown key 'server.thread', did you mean 'server.threads'?",
    ":3:8: error: 'server.port' must be from 0 to 65535",
    ":6:17: error: 'limits.message_bytes' must be an integer from 1 to 65536",
    ":7:2: error: unknown section 'sever', did you mean 'server'?",
    ":10:8: error: 'auth.mode' must be one of token, open",
  ]);
  assert.match(stderr, /\n    port = 70000\n/);
  const syntax = file('syntax.toml', '[server\nport = 1\n');
  const broken = await run(['check', syntax]);
  assert.equal(broken.code, 78);
  assert.match(broken.stderr, /syntax\.toml:\d+:\d+: error: /);
  assert.equal((await run(['check', path.join(folder, 'none.toml')])).code, 78);
  const good = await run(['check', file('good.toml', '[server]\nport = 0\n[store]\nsync = "os"\n')]);
  assert.deepEqual([good.code, good.stderr], [0, '']);
  assert.equal((await run(['serve', '--config', bad])).code, 78);
});

test('config: the default file is a configuration; what holds is shown with its origin and without secrets', async () => {
  const usual = await run(['config', 'default']);
  assert.equal((await run(['check', file('default.toml', usual.stdout)])).code, 0);
  const inUse = usual.stdout.replace(/^#(?! )/gm, '');
  assert.equal((await run(['check', file('in_use.toml', inUse)])).code, 0);
  const config = file('shown.toml', '[server]\nport = 81\n[auth]\nsecret = "planted-secret-of-tokens"\n');
  const env = { STARLING_LOG__LEVEL: 'debug' };
  const shown = await run(['config', 'show', '--origin', '--config', config], { env });
  assert.deepEqual([shown.code, shown.stderr], [0, '']);
  assert.match(shown.stdout, /^port = 81  # .*shown\.toml:2:8$/m);
  assert.match(shown.stdout, /^level = "debug"  # STARLING_LOG__LEVEL$/m);
  assert.match(shown.stdout, /^secret = "\(hidden\)"/m);
  const all = JSON.parse((await run(['config', 'show', '--json', '--config', config], { env })).stdout);
  assert.deepEqual(all['server.port'], { value: 81, origin: `${config}:2:8` });
  assert.ok(!JSON.stringify(all).includes('planted') && !shown.stdout.includes('planted'));
  // What LoadCredential= of a service gives it.
  const credentials = mkdtempSync(path.join(folder, 'credentials-'));
  writeFileSync(path.join(credentials, 'auth.secret'), 'planted-secret-as-a-credential\n');
  const given = await run(['config', 'show', '--json'], { env: { CREDENTIALS_DIRECTORY: credentials }, cwd: folder });
  assert.deepEqual(JSON.parse(given.stdout)['auth.secret'], { value: '(hidden)', origin: path.join(credentials, 'auth.secret') });
  assert.equal((await run(['config', 'show', '--config', file('wrong.toml', '[server]\nport = -1\n')])).code, 78);
  const typo = await run(['config', 'shw']);
  assert.equal(typo.code, 64);
  assert.match(typo.stderr, /did you mean 'show'\?/);
});

test('a flag beats the environment, which beats the original’s names, which beat the file', async () => {
  const server = new Server({ config: '[limits]\nmessage_bytes = 11\n[auth]\nmode = "token"\n', args: ['--auth', 'open'],
    env: { STARLING_LIMITS__MESSAGE_BYTES: '22', WEBSOCKET_PORT: '1', STARLING_SERVER__PORT: '2', APP_ENV: 'prod', STARLING_AUTH__MODE: 'token' } });
  await server.start();
  try {
    assert.ok(server.port > 2);
    const client = await server.connect();
    assert.equal((await client.next('welcome')).limits.maxMessageBytes, 22);
    assert.ok(server.lines.some((line) => line.includes('OPEN MODE')));
  } finally {
    await server.dispose();
  }
});

test('what this version does not have is refused with 78 and said', async () => {
  const refused = async (env, args, pattern) => {
    const { code, stderr } = await run(['serve', '--port', '0', '--data-dir', path.join(folder, 'x'), ...args], { env });
    assert.equal(code, 78, stderr);
    assert.match(stderr, pattern);
  };
  await refused({ DATABASE_URL: 'mysql://u:p@127.0.0.1' }, [], /^DATABASE_URL: error: 'store\.url' is no mysql:/);
  await refused({ STARLING_STORE__URL: 'mysql://u:p@127.0.0.1/db?ssl=1' }, [], /STARLING_STORE__URL: error: 'store\.url' has an option/);
  await refused({ STARLING_STORE__URL: 'postgres://127.0.0.1/db' }, [], /'store\.url' must be sqlite:PATH or mysql:/);
  await refused({ RABBITMQ_HOST: '127.0.0.1' }, [], /RABBITMQ_HOST: error: 'bus\.url' needs an archive that all servers share/);
  await refused({ STARLING_BUS__URL: 'http://127.0.0.1' }, [], /'bus\.url' is no amqp:/);
  await refused({}, ['--threads', '65'], /from 0 to 64/);
  await refused({}, ['--auth', 'open', '--host', '0.0.0.0'], /refused beyond loopback/);
  await refused({ STARLING_SERVER__PROT: '1' }, [], /did you mean 'STARLING_SERVER__PORT'/);
  await refused({ APP_SECRET: 'short' }, [], /at least 16 bytes/);
});

test('a port or a data folder in use ends with 69 and says which', async () => {
  const server = await Server.start();
  try {
    const port = await serve('--port', String(server.port));
    assert.equal(port.code, 69);
    assert.match(port.stderr, new RegExp(`port ${server.port}: Address already in use`));
    const data = await serve('--data-dir', path.join(server.folder, 'data'));
    assert.equal(data.code, 69);
    assert.match(data.stderr, /is in use by another server/);
  } finally {
    await server.dispose();
  }
});

test('it serves within 200 ms, with a secret that only it can read', async () => {
  const server = await Server.start();
  try {
    const limit = instrumented ? 5000 : 200; // which takes its time to start
    assert.ok(server.ready_ms < limit, `${server.ready_ms} ms`);
    const secret = path.join(server.folder, 'data', 'secret');
    assert.equal(statSync(secret).mode & 0o777, 0o600);
    assert.match(readFileSync(secret, 'utf8'), /^[0-9a-f]{64}$/);
    assert.equal(statSync(path.join(server.folder, 'data')).mode & 0o777, 0o700);
  } finally {
    await server.dispose();
  }
});

test('SIGTERM drains: clients are told when to come back, what was accepted is answered, exit 0', async () => {
  const server = await Server.start();
  const ann = await server.user('ann');
  const clients = [];
  for (let i = 0; i < 5; ++i) clients.push(await server.member(ann, 'r'));
  for (let i = 0; i < 50; ++i) clients[0].send({ type: 'chat_message', roomId: 'r', content: `${i}`, clientMessageId: `${i}` });
  await clients[0].settle();
  const exit = server.stop();
  for (const client of clients) {
    assert.ok((await client.next('reconnect')).afterMs >= 0);
    assert.equal((await within(client.closed, 'the close')).code, 4100);
  }
  assert.equal(await exit, 0);
  assert.equal(clients[0].frames.filter((frame) => frame.type === 'message_sent').length, 50);
  await server.dispose();
});

test('a second signal ends it at once', async () => {
  const server = await Server.start({ config: '[server]\ndrain_deadline_ms = 60000\n' });
  // A peer that neither reads nor hangs up keeps the drain waiting for a while.
  const ann = await server.user('ann');
  const client = await server.member(ann, 'r');
  client.socket.pause();
  server.child.kill('SIGTERM');
  await within((async () => {
    while (!server.lines.some((line) => line.includes('draining'))) await once(server.child.stderr, 'data');
  })(), 'the drain');
  server.child.kill('SIGTERM');
  const [code] = await within(server.ended, 'the end', 1000);
  assert.ok(code === 143 || code === 0);
  client.socket.terminate();
  await server.dispose();
});

test('without io_uring: one message with cause and cure, exit 71', async () => {
  // A seccomp filter that answers io_uring_setup (425) with EPERM or ENOSYS, then the server.
  const launcher = `
import ctypes, os, struct, sys
error, *command = sys.argv[1:]
rules = [(0x20, 0, 0, 0), (0x15, 0, 1, 425), (0x06, 0, 0, 0x00050000 | int(error)), (0x06, 0, 0, 0x7fff0000)]
code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *rule) for rule in rules))
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(rules), ctypes.addressof(code)))
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
assert libc.prctl(22, 2, program, 0, 0) == 0, ctypes.get_errno()
os.execv(command[0], command)
`;
  for (const [error, pattern] of [[1, /cause: a seccomp profile[\s\S]*cure: /], [38, /cause: the kernel was built without[\s\S]*cure: /]]) {
    const child = spawn('/usr/bin/python3', ['-c', launcher, String(error), binary, 'serve', '--port', '0', '--admin', '127.0.0.1:0', '--data-dir', path.join(folder, `u${error}`)],
      { stdio: ['ignore', 'ignore', 'pipe'] });
    let stderr = '';
    child.stderr.on('data', (data) => (stderr += data));
    const [code] = await within(once(child, 'close'), 'the refusal');
    assert.equal(code, 71, stderr);
    assert.match(stderr, pattern);
  }
});
