// A real server in a folder of its own, and clients for it. Nothing here sleeps for a fixed time:
// everything awaits an event, with a limit that no correct run comes near. Whatever a server says here
// is compared with its descriptions.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os, { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import WebSocket from 'ws';
import { checkAnswer, checkFrame } from './descriptions.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const binary =
  process.env.STARLING ??
  ['build-test', 'build'].map((folder) => path.join(root, folder, 'src/server/starling')).find(existsSync);

export const LIMIT_MS = 20_000;

// The program is not as it is released: a sanitizer watches it, or tools/coverage counts its lines.
export const instrumented = ['UBSAN_OPTIONS', 'TSAN_OPTIONS', 'STARLING_END_GENTLY'].some((name) => process.env[name]);

// Shows a process another wall clock. Not for sanitized builds: those are loaded before anything else.
export const faketime = `/usr/lib/${os.arch() === 'arm64' ? 'aarch64' : 'x86_64'}-linux-gnu/faketime/libfaketime.so.1`;
// What runs a command in a namespace of its own, of that kind, with the rights of root there.
export const unshare = (kind, script) => ['/usr/bin/unshare', `--${kind}`, ...(process.getuid() === 0 ? [] : ['--map-root-user']), '/bin/sh', '-c', `${script} && exec "$@"`, 'sh'];

// For tests of load: lines of the section [limits] under which only the machine limits.
export const UNLIMITED = `messages_per_second = 1000000
message_burst = 1000000
user_messages_per_second = 0
room_messages_per_second = 0
address_requests_per_second = 0
rooms_created_per_hour = 0
`;

// `what` is a text, or a function that tells it once it is late.
export function within(promise, what, limit = LIMIT_MS) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not within ${limit} ms: ${typeof what === 'function' ? what() : what}`)), limit);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

// Runs the program to its end: {code, stdout, stderr}. `input`: what it finds on standard input;
// `through`: a program that runs it as itself (exec), and its arguments.
export async function run(args, options = {}) {
  const [program, ...first] = [...(options.through ?? []), binary];
  const child = spawn(program, [...first, ...args], { env: cleanEnvironment(options.env), cwd: options.cwd });
  child.stdin.on('error', () => {}); // it may end without having read it
  child.stdin.end(options.input ?? '');
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const [code, signal] = await within(once(child, 'close'), `starling ${args.join(' ')}`);
  return { code, signal, stdout, stderr };
}

function cleanEnvironment(extra = {}) {
  const env = { PATH: process.env.PATH, ...extra };
  for (const name of ['UBSAN_OPTIONS', 'ASAN_OPTIONS', 'TSAN_OPTIONS']) {
    if (process.env[name]) env[name] = process.env[name];
  }
  return env;
}

// A free port below the ephemeral ones, from which the kernel gives numbers to outgoing connections:
// a server that is restarted finds its own port free.
export async function freePort() {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    const probe = net.createServer().listen(port, '127.0.0.1');
    const free = await new Promise((resolve) => {
      probe.on('listening', () => probe.close(() => resolve(true)));
      probe.on('error', () => resolve(false));
    });
    if (free) return port;
  }
}

export class Server {
  constructor(options = {}) {
    this.options = options;
    this.folder = options.folder ?? mkdtempSync(path.join(tmpdir(), 'starling-'));
    this.config = options.config ?? '';
    this.lines = [];
    this.port = 0;
  }

  static async start(options) {
    const server = new Server(options);
    try {
      await server.start();
    } catch (error) {
      await server.dispose();
      throw error;
    }
    return server;
  }

  async start() {
    this.port ||= await freePort();
    const file = path.join(this.folder, 'starling.toml');
    writeFileSync(file, this.config);
    // `host`: where it listens, if that is not loopback.
    const host = this.options.host ?? '127.0.0.1';
    const args = ['serve', '--config', file, '--data-dir', path.join(this.folder, 'data'),
      '--host', host, '--port', String(this.port), '--admin', `${host}:0`, ...(this.options.args ?? [])];
    this.started = process.hrtime.bigint();
    // `through`: a program that runs the server as itself (exec), and its arguments.
    const [program, ...first] = [...(this.options.through ?? []), binary];
    this.child = spawn(program, [...first, ...args], { env: cleanEnvironment(this.options.env), stdio: ['ignore', 'ignore', 'pipe'] });
    this.ended = once(this.child, 'close');
    const serving = new Promise((resolve, reject) => {
      // `log`: where its lines come from besides standard error.
      for (const stream of [this.child.stderr, this.options.log ?? []].flat()) {
        let rest = '';
        stream.on('data', (data) => {
          const lines = (rest + data).split('\n');
          rest = lines.pop();
          for (const line of lines) {
            this.lines.push(line);
            if (line.includes('"message":"serving"')) resolve(JSON.parse(line));
          }
        });
      }
      this.child.on('close', (code) => reject(new Error(`the server ended with ${code}: ${this.lines.join('\n')}`)));
    });
    serving.catch(() => {});
    const line = await within(serving, 'serving');
    this.ready_ms = Number(process.hrtime.bigint() - this.started) / 1e6;
    this.url = line.url;
    this.metrics = line.metrics;
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  async kill() {
    this.child.kill('SIGKILL');
    await within(this.ended, 'the end after SIGKILL');
  }

  // Ends it as an operator would; its exit code.
  async stop() {
    this.child.kill('SIGTERM');
    const [code] = await within(this.ended, 'the end after SIGTERM');
    return code;
  }

  async dispose() {
    // What is killed has counted no lines for tools/coverage; what stands still is not waited for twice.
    if (this.running && process.env.STARLING_END_GENTLY) await this.stop().catch(() => {});
    if (this.running) await this.kill();
    if (!this.options.folder) rmSync(this.folder, { recursive: true, force: true });
  }

  // {status, headers, body}; the body parsed where it is JSON.
  async call(method, target, { body, token, headers = {} } = {}) {
    const options = { method, headers: { ...headers } };
    if (token) options.headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) {
      options.body = typeof body === 'string' ? body : JSON.stringify(body);
      options.headers['Content-Type'] ??= 'application/json';
    }
    const response = await within(fetch(this.url + target, options), `${method} ${target}`);
    const text = await response.text();
    const type = response.headers.get('content-type') ?? '';
    const answer = type.includes('json') ? JSON.parse(text) : text;
    if (method !== 'HEAD') checkAnswer(method, target, response.status, type, answer);
    return { status: response.status, headers: response.headers, body: answer };
  }

  async user(username, extra = {}) {
    const answer = await this.call('POST', '/api/users', { body: { username, email: `${username}@example.org`, ...extra } });
    if (answer.status !== 201) throw new Error(`no user: ${JSON.stringify(answer.body)}`);
    return { ...answer.body.user, token: answer.body.token };
  }

  connect(options) {
    return Client.open(this, options);
  }

  // A starling.v1 session of a user with a token.
  async session(user, auth = {}) {
    const client = await this.connect();
    await client.next('welcome');
    client.send({ type: 'auth', token: user.token, ...auth });
    client.session = await client.next('auth_success');
    return client;
  }

  async member(user, roomId) {
    const client = await this.session(user);
    client.send({ type: 'join_room', roomId });
    client.joined = await client.next('room_joined');
    return client;
  }
}

// A WebSocket client that keeps what it is sent until somebody asks for it.
export class Client {
  static all = []; // of this process

  static async open(server, { protocol = 'starling.v1', path: target = '/ws', headers = {} } = {}) {
    const client = new this();
    client.echoes = target === '/echo';
    const url = server.url.replace('http', 'ws') + target;
    client.socket = new WebSocket(url, protocol ? [protocol] : [], { headers, perMessageDeflate: false, ca: server.ca });
    client.frames = [];
    client.wanted = [];
    Client.all.push(client);
    client.closed = new Promise((resolve) => {
      client.socket.on('close', (code, reason) => {
        client.close_code = code;
        resolve({ code, reason: String(reason) });
        for (const { reject, what } of client.wanted) reject(new Error(`closed with ${code} while waiting for ${what}`));
      });
    });
    client.socket.on('error', () => {});
    client.socket.on('message', (data, binary) => client.take(binary ? data : JSON.parse(data)));
    const failed = once(client.socket, 'unexpected-response').then(([, response]) => {
      throw Object.assign(new Error(`upgrade refused: ${response.statusCode}`), { status: response.statusCode });
    });
    failed.catch(() => {});
    await within(Promise.race([once(client.socket, 'open'), failed]), 'the upgrade');
    return client;
  }

  take(frame) {
    if (!this.echoes && !Buffer.isBuffer(frame)) checkFrame(frame);
    this.frames.push(frame);
    this.look();
  }

  look() {
    for (const wish of [...this.wanted]) {
      const index = this.frames.findIndex(wish.matches);
      if (index < 0) continue;
      const [found] = this.frames.splice(index, 1);
      this.wanted.splice(this.wanted.indexOf(wish), 1);
      wish.resolve(found);
    }
  }

  // The first frame, sent already or to come, of that type (or that a function accepts).
  next(what, limit) {
    const matches = typeof what === 'function' ? what : (frame) => frame.type === what;
    const found = new Promise((resolve, reject) => this.wanted.push({ matches, resolve, reject, what }));
    found.catch(() => {});
    this.look();
    return within(found, () => `a frame: ${what}; there are ${JSON.stringify(this.frames).slice(0, 600)}${errors_beside(this)}`, limit);
  }

  send(frame) {
    this.socket.send(typeof frame === 'string' ? frame : JSON.stringify(frame));
  }

  // What has been sent before now has been answered: frames that did not come by then never will.
  async settle() {
    const t = Math.random();
    this.send({ type: 'ping', t });
    await this.next((frame) => frame.type === 'pong' && frame.t === t);
  }

  seqs() {
    return this.frames.filter((frame) => frame.type === 'chat_message').map((frame) => frame.seq);
  }

  async close() {
    this.socket.close();
    await within(this.closed, 'the close');
  }
}

// What other clients were told and nobody asked for: why this one waits in vain may be that another was refused.
function errors_beside(client) {
  const errors = Client.all.filter((other) => other !== client).flatMap(({ frames }) => frames.filter(({ type }) => type === 'error'));
  return errors.length === 0 ? '' : `; errors of other clients (${errors.length}): ${JSON.stringify(errors).slice(0, 600)}`;
}

// Bytes to the server and back, until it closes or `until` is found.
export class Raw {
  constructor(server) {
    this.text = '';
    this.socket = net.connect(server.port, '127.0.0.1');
    this.socket.setEncoding('latin1');
    this.changed = () => {};
    this.ended = false;
    this.socket.on('data', (data) => {
      this.text += data;
      this.changed();
    });
    this.socket.on('error', () => {});
    this.socket.on('close', () => {
      this.ended = true;
      this.changed();
    });
  }
  write(bytes) {
    this.socket.write(bytes, 'latin1');
    return this;
  }
  until(found, what = 'an answer') {
    const wait = new Promise((resolve) => {
      this.changed = () => {
        if (found(this.text, this.ended)) resolve(this.text);
      };
      this.changed();
    });
    return within(wait, () => `${what}; there is ${JSON.stringify(this.text.slice(0, 300))}`);
  }
  closed() {
    return this.until((_, ended) => ended, 'the end of the connection');
  }
  static async exchange(server, bytes) {
    const raw = new Raw(server).write(bytes);
    await raw.closed();
    return raw.text;
  }
}

export const statusOf = (text) => Number(text.split(' ')[1]);
export const range = (first, last) => Array.from({ length: last - first + 1 }, (_, i) => first + i);
