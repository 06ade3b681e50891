// A MariaDB of the test's own: on loopback and a socket, with a data folder of its own, gone
// afterwards. Runs as whoever runs the test, without a service manager.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { freePort, within } from '../e2e/harness.mjs';

const START_MS = 120_000;
const out = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../out');
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
const run = (program, args) => promisify(execFile)(program, args, { env: { PATH }, maxBuffer: 64 << 20 });

// Who runs as root says so; nobody else may choose.
const self = process.getuid() === 0 ? ['--user=root'] : [];
const log_size = '--innodb-log-file-size=16M';

// An empty database, made once and copied for each test: making it takes seconds, copying does not.
async function template() {
  const kept = path.join(out, 'mariadb-empty');
  if (existsSync(kept)) return kept;
  mkdirSync(out, { recursive: true });
  const made = mkdtempSync(path.join(out, 'mariadb-making-'));
  await run('mariadb-install-db', ['--no-defaults', ...self, log_size, `--datadir=${made}`,
    '--auth-root-authentication-method=normal', '--skip-test-db', '--skip-name-resolve']);
  try {
    renameSync(made, kept);
  } catch (error) {
    rmSync(made, { recursive: true }); // another test was faster
    if (!existsSync(kept)) throw error;
  }
  return kept;
}

export class Mariadb {
  // options.folder: where the data lies (else a temporary folder); options.address: where it listens
  // beside loopback; options.args: of mariadbd, behind ours.
  static async start(options = {}) {
    const server = new Mariadb();
    server.options = options;
    server.folder = mkdtempSync(path.join(tmpdir(), 'starling-db-'));
    server.data = path.join(options.folder ?? server.folder, 'data');
    server.socket = path.join(server.folder, 'socket');
    server.port = await freePort();
    cpSync(await template(), server.data, { recursive: true });
    try {
      await server.run();
      await server.query(`CREATE DATABASE starling;
        CREATE USER starling@'%' IDENTIFIED BY 'secret'; GRANT ALL ON *.* TO starling@'%'`);
    } catch (error) {
      await server.dispose();
      throw error;
    }
    server.url = `mysql://starling:secret@127.0.0.1:${server.port}/starling`;
    return server;
  }

  // Starts the server (again), until it answers.
  async run() {
    this.out = '';
    this.child = spawn('mariadbd', ['--no-defaults', ...self, log_size, `--datadir=${this.data}`,
      `--socket=${this.socket}`, `--port=${this.port}`, `--bind-address=${['127.0.0.1', this.options.address].filter(Boolean).join(',')}`,
      `--pid-file=${this.folder}/pid`, '--skip-name-resolve', '--skip-log-bin',
      '--performance-schema=OFF', '--innodb-buffer-pool-size=64M',
      '--innodb-flush-log-at-trx-commit=1', ...(this.options.args ?? [])],
    { env: { PATH, TMPDIR: this.folder }, stdio: ['ignore', 'ignore', 'pipe'] });
    this.child.stderr.on('data', (data) => (this.out += data));
    this.ended = once(this.child, 'close');
    const died = this.ended.then(([code]) => {
      throw new Error(`MariaDB ended with ${code}: ${this.out}`);
    });
    died.catch(() => {});
    await within(Promise.race([this.answers(), died]), 'MariaDB answers', START_MS);
  }

  async answers() {
    for (;;) {
      const done = await this.query('SELECT 1').catch(() => null);
      if (done || this.child.exitCode !== null) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  // As root, over the socket; rows of text.
  async query(sql, database = '') {
    const { stdout } = await run('mariadb', ['--no-defaults', '-uroot', '-S', this.socket, '-N', '-B',
      '--default-character-set=utf8mb4', ...(database ? [database] : []), '-e', sql]);
    return stdout.split('\n').slice(0, -1).map((line) => line.split('\t'));
  }

  // An empty database of that name, and its URL.
  async database(name) {
    await this.query(`CREATE DATABASE ${name}`);
    return this.url.replace(/[^/]*$/, name);
  }

  get running() {
    return this.child && this.child.exitCode === null && this.child.signalCode === null;
  }

  // Orderly: what is open is rolled back, connections are closed.
  async stop() {
    this.child.kill('SIGTERM');
    await within(this.ended, 'MariaDB ends', START_MS);
  }

  async kill() {
    this.child.kill('SIGKILL');
    await within(this.ended, 'MariaDB is gone');
  }

  pause() {
    this.child.kill('SIGSTOP');
  }

  resume() {
    this.child.kill('SIGCONT');
  }

  async dispose() {
    if (this.running) await this.kill();
    rmSync(this.data, { recursive: true, force: true });
    rmSync(this.folder, { recursive: true, force: true });
  }
}

export const startMariadb = (options) => Mariadb.start(options);
