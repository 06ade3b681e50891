// A RabbitMQ of the test's own: on loopback, with a data folder and an epmd of its own, gone
// afterwards. Runs as whoever runs the test, without a service manager.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { freePort, within } from '../e2e/harness.mjs';

// Where the programs are themselves, not the wrappers that change the user and drop the environment.
const programs = '/usr/lib/rabbitmq/bin';
const START_MS = 120_000;

export class Rabbitmq {
  // options.address: where it listens beside loopback; options.tls: {authority, certificate, key}, files
  // with which it speaks TLS on tls_port, too.
  static async start(options = {}) {
    const broker = new Rabbitmq();
    broker.folder = mkdtempSync(path.join(tmpdir(), 'starling-mq-'));
    for (const folder of ['mnesia', 'log', 'home']) mkdirSync(path.join(broker.folder, folder));
    broker.port = await freePort();
    broker.dist_port = await freePort();
    broker.epmd_port = await freePort();
    broker.tls_port = options.tls ? await freePort() : undefined;
    broker.url = `amqp://guest:guest@127.0.0.1:${broker.port}/`;
    broker.write('enabled_plugins', '[].\n');
    broker.write('rabbitmq.conf', [
      `listeners.tcp.1 = 127.0.0.1:${broker.port}`,
      ...(options.address ? [`listeners.tcp.2 = ${options.address}:${broker.port}`, 'loopback_users = none'] : []),
      ...(options.tls ? [
        `listeners.ssl.1 = 127.0.0.1:${broker.tls_port}`,
        `ssl_options.cacertfile = ${options.tls.authority}`,
        `ssl_options.certfile = ${options.tls.certificate}`,
        `ssl_options.keyfile = ${options.tls.key}`,
        'ssl_options.verify = verify_none', // of clients
      ] : []),
      'log.file.level = warning',
      'log.console = false',
      'vm_memory_high_watermark.absolute = 1GB',
      'disk_free_limit.absolute = 50MB',
      'heartbeat = 30',
    ].join('\n') + '\n');
    broker.env = {
      PATH: `${programs}:${process.env.PATH}`,
      HOME: path.join(broker.folder, 'home'), // where the cookie is made
      RABBITMQ_CONF_ENV_FILE: path.join(broker.folder, 'none.conf'),
      RABBITMQ_NODENAME: `starling${broker.port}@localhost`, // no lookup of host names
      RABBITMQ_CONFIG_FILE: path.join(broker.folder, 'rabbitmq'),
      RABBITMQ_MNESIA_BASE: path.join(broker.folder, 'mnesia'),
      RABBITMQ_LOG_BASE: path.join(broker.folder, 'log'),
      RABBITMQ_ENABLED_PLUGINS_FILE: path.join(broker.folder, 'enabled_plugins'),
      RABBITMQ_PID_FILE: path.join(broker.folder, 'pid'),
      RABBITMQ_DIST_PORT: String(broker.dist_port),
      ERL_EPMD_ADDRESS: '127.0.0.1',
      ERL_EPMD_PORT: String(broker.epmd_port),
      // The broker shares its cores: it does not spin while it waits.
      RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS:
        '-kernel inet_dist_use_interface {127,0,0,1} +sbwt none +sbwtdcpu none +sbwtdio none +S 2:2',
      RABBITMQ_CTL_ERL_ARGS: '-kernel inet_dist_use_interface {127,0,0,1}',
      ERL_CRASH_DUMP: path.join(broker.folder, 'erl_crash.dump'), // of a start that is cut short
      LANG: 'C.UTF-8',
    };
    broker.epmd = spawn('epmd', ['-port', broker.env.ERL_EPMD_PORT, '-address', '127.0.0.1'],
      { env: broker.env, stdio: 'ignore' });
    try {
      // A node that finds none starts one that nobody ends.
      await within(broker.names_answer(), 'epmd answers', START_MS);
      await broker.run();
    } catch (error) {
      await broker.dispose();
      throw error;
    }
    return broker;
  }

  write(name, text) {
    writeFileSync(path.join(this.folder, name), text);
  }

  // Starts the node (again), until it answers the first bytes of AMQP.
  async run() {
    this.out = '';
    // A group of its own, so that what the start script leaves in between ends with it.
    this.child = spawn('rabbitmq-server', [], { env: this.env, stdio: ['ignore', 'pipe', 'pipe'], detached: true });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (data) => (this.out += data));
    this.ended = once(this.child, 'close');
    const died = this.ended.then(([code]) => {
      throw new Error(`RabbitMQ ended with ${code}: ${this.out}`);
    });
    died.catch(() => {});
    await within(Promise.race([this.answers(), died]), 'RabbitMQ answers', START_MS);
  }

  async names_answer() {
    for (;;) {
      const socket = net.connect(this.epmd_port, '127.0.0.1');
      const there = await once(socket, 'connect').then(() => true, () => false);
      socket.destroy();
      if (there) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async answers() {
    for (;;) {
      const socket = net.connect(this.port, '127.0.0.1');
      const answered = await new Promise((resolve) => {
        socket.on('connect', () => socket.write('AMQP\x00\x00\x09\x01'));
        socket.on('data', () => resolve(true));
        socket.on('error', () => resolve(false));
        socket.on('close', () => resolve(false));
      });
      socket.destroy();
      if (answered) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  get running() {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  signal(name) {
    process.kill(-this.child.pid, name);
  }

  // Orderly: connections are closed with a reason.
  async stop() {
    this.signal('SIGTERM');
    await within(this.ended, 'RabbitMQ ends', START_MS);
  }

  async kill() {
    this.signal('SIGKILL');
    await within(this.ended, 'RabbitMQ is gone');
  }

  pause() {
    this.signal('SIGSTOP');
  }

  resume() {
    this.signal('SIGCONT');
  }

  async ctl(...args) {
    return promisify(execFile)('rabbitmqctl', ['-q', '--timeout', '60', ...args], { env: this.env });
  }

  // The memory alarm: who publishes is not read any more.
  async alarm(on) {
    await this.ctl('set_vm_memory_high_watermark', ...(on ? ['0.000001'] : ['absolute', '1GB']));
  }

  async dispose() {
    if (this.child && this.running) {
      this.resume();
      await this.kill();
    }
    if (this.epmd.exitCode === null) {
      const gone = once(this.epmd, 'close');
      this.epmd.kill('SIGKILL');
      await gone;
    }
    rmSync(this.folder, { recursive: true, force: true });
  }

  log() {
    return readFileSync(path.join(this.folder, 'log', `${this.env.RABBITMQ_NODENAME}.log`), 'utf8');
  }
}

export const startRabbitmq = (options) => Rabbitmq.start(options);
