// Faults, one after the other and some at once, against a fleet under load. Each takes what it is
// about (a server, the broker, the database) for as long as it lasts, and mends what it broke.
import { setTimeout as pause } from 'node:timers/promises';

const UNAVAILABLE = 69;

// As a service manager does it: who finds no database ends, and is started again.
async function come_back(server) {
  for (;;) {
    try {
      return await server.start();
    } catch (error) {
      if (server.child.exitCode !== UNAVAILABLE) throw error;
      await pause(200);
    }
  }
}

export class Chaos {
  constructor(fleet, random, spoilers) {
    Object.assign(this, { fleet, random, spoilers, taken: new Set(), under_way: [], told: [] });
  }

  // name: [what it takes, what it does]; a server is the n-th, ms how long it lasts.
  acts = {
    'kill a server': ['server', async (server, ms) => {
      await server.kill();
      await pause(ms / 4);
      await come_back(server);
    }],
    'freeze a server': ['server', async (server, ms) => {
      server.child.kill('SIGSTOP');
      await pause(ms);
      server.child.kill('SIGCONT');
    }],
    'drain a server': ['server', async (server, ms) => {
      await server.stop();
      await pause(ms / 4);
      await come_back(server);
    }],
    'cut a server off from the broker': ['server', (server, ms) => this.cut([server.cables.broker], 'cut', ms)],
    'cut a server off from the database': ['server', (server, ms) => this.cut([server.cables.database], 'cut', ms)],
    'cut a server off from both, silently': ['server', (server, ms) =>
      this.cut([server.cables.database, server.cables.broker], 'silence', ms)],
    'kill the broker': ['broker', async (broker, ms) => {
      await broker.kill();
      await pause(ms / 4);
      await broker.run();
    }],
    'restart the broker': ['broker', async (broker) => {
      await broker.stop();
      await broker.run();
    }],
    'freeze the broker': ['broker', async (broker, ms) => {
      broker.pause();
      await pause(ms);
      broker.resume();
    }],
    'fill the broker': ['broker', async (broker, ms) => {
      await broker.alarm(true);
      await pause(ms);
      await broker.alarm(false);
    }],
    'spoil the bus': ['broker', async (_, ms) => {
      for (const spoiler of this.spoilers) Object.assign(spoiler, { lose: 0.1, double: 0.1, reorder: 0.1 });
      await pause(ms);
      for (const spoiler of this.spoilers) Object.assign(spoiler, { lose: 0, double: 0, reorder: 0 });
    }],
    'kill the database': ['database', async (database, ms) => {
      await database.kill();
      await pause(ms / 4);
      await database.run();
    }],
    'stop the database': ['database', async (database, ms) => {
      await database.stop();
      await pause(ms);
      await database.run();
    }],
    'freeze the database': ['database', async (database, ms) => {
      database.pause();
      await pause(ms);
      database.resume();
    }],
  };

  async cut(cables, how, ms) {
    for (const cable of cables) cable[how]();
    await pause(ms);
    for (const cable of cables) cable.restore();
  }

  // Begins an act; true if what it takes was free. `n`: which server.
  begin(name, n, ms) {
    const [kind, act] = this.acts[name];
    const what = kind === 'server' ? this.fleet.servers[n] : this.fleet[kind];
    if (this.taken.has(what)) return false;
    this.taken.add(what);
    const line = `${name}${kind === 'server' ? ` (${n})` : ''}, ${ms} ms`;
    this.told.push(line);
    console.log(line);
    const done = act(what, ms).finally(() => this.taken.delete(what));
    this.under_way.push(done);
    done.catch(() => {}); // told by end()
    return true;
  }

  // At random, for so long.
  async rage(seconds) {
    const names = Object.keys(this.acts);
    for (let left = seconds * 1000; left > 0;) {
      this.begin(this.random.of(names), this.random.between(0, this.fleet.servers.length - 1), this.random.between(1_000, 8_000));
      const rest = this.random.between(1_000, 6_000);
      await pause(rest);
      left -= rest;
    }
    await this.end();
  }

  // As a list says: [name, server, ms, pause after it has begun].
  async follow(list) {
    for (const [name, n, ms, rest] of list) {
      if (!this.begin(name, n, ms)) throw new Error(`${name}: what it takes is taken`);
      await pause(rest);
    }
    await this.end();
  }

  // All is mended, also where an act failed.
  async end() {
    const acts = this.under_way.splice(0);
    await Promise.allSettled(acts);
    await Promise.all(acts);
  }
}
