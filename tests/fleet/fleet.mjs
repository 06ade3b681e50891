// Several servers around one MariaDB and one RabbitMQ, each behind cables of its own, or in a network
// namespace of its own.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { run, Server, UNLIMITED } from '../e2e/harness.mjs';
import { Cable } from './cable.mjs';
import { startMariadb } from './mariadb.mjs';
import { Networks } from './networks.mjs';
import { startRabbitmq } from './rabbitmq.mjs';

const SECRET = 'a secret that all servers of the fleet share';

export class Fleet {
  // `spoiler(n)`: what spoils the bus of server n; `bus: false`: the database is all they have;
  // `networks`: links between namespaces are what can be cut, instead of cables; `env`: of each server.
  static async start({ servers = 3, bus = true, spoiler = () => undefined, networks = false, env = {} } = {}) {
    const fleet = new Fleet();
    fleet.servers = [];
    fleet.folder = mkdtempSync(path.join(tmpdir(), 'starling-fleet-'));
    fleet.spoiler = spoiler;
    fleet.env = env;
    try {
      if (networks) fleet.networks = Networks.make();
      const reached = (kind) => ({ address: fleet.networks?.address(kind) });
      [fleet.database, fleet.broker] = await Promise.all(
        [startMariadb(reached('database')), bus ? startRabbitmq(reached('broker')) : null]);
      const { code, stderr } = await run(['migrate', 'up'], { env: { STARLING_STORE__URL: fleet.database.url } });
      if (code !== 0) throw new Error(`migrate ended with ${code}: ${stderr}`);
      for (let n = 0; n < servers; ++n) await fleet.add();
    } catch (error) {
      await fleet.dispose();
      throw error;
    }
    return fleet;
  }

  // One more server.
  async add() {
    const n = this.servers.length;
    const { cables, ...where } = this.networks ? this.namespace() : await this.wire(n);
    const database = new URL(this.database.url);
    database.host = `${cables.database.host}:${cables.database.port}`;
    const bus = cables.broker ? `[bus]\nurl = "amqp://guest:guest@${cables.broker.host}:${cables.broker.port}/"\n` : '';
    const folder = path.join(this.folder, String(n));
    mkdirSync(folder);
    const server = new Server({
      ...where,
      folder,
      env: this.env,
      config: `[auth]\nsecret = "${SECRET}"\nregistrations_per_hour = 0\n[store]\nurl = "${database.href}"\n${bus}` +
        `[limits]\n${UNLIMITED}room_buffer_bytes = 16777216\n[resume]\nmax_events = 100000\n`,
    });
    Object.assign(server, { name: `server ${n}`, cables });
    this.servers.push(server);
    await server.start();
    return server;
  }

  async wire(n) {
    const database = await Cable.to(this.database.port);
    return { cables: { database, broker: this.broker ? await Cable.to(this.broker.port, this.spoiler(n)) : null } };
  }

  namespace() {
    const { lines: { database, broker }, ...where } = this.networks.join();
    Object.assign(database, { port: this.database.port });
    Object.assign(broker, { port: this.broker.port });
    return { cables: { database, broker }, ...where };
  }

  get running() {
    return this.servers.filter((server) => server.child && server.child.exitCode === null && server.child.signalCode === null);
  }

  // Resolves when that number of a server's metrics is as wanted.
  async metric(server, name, wanted) {
    for (;;) {
      const text = await (await fetch(server.metrics)).text();
      const found = text.match(new RegExp(`^${name} (\\S+)$`, 'm'));
      if (found && wanted(Number(found[1]))) return Number(found[1]);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  busUp(server) {
    return this.metric(server, 'starling_bus_up', (up) => up === 1);
  }

  // Every one hears every other.
  async together() {
    const running = this.running;
    for (const server of running) {
      await this.busUp(server);
      await this.metric(server, 'starling_bus_servers', (count) => count >= running.length - 1);
    }
  }

  async dispose() {
    for (const server of this.servers ?? []) {
      if (server.child) {
        server.child.kill('SIGCONT');
        await server.dispose();
      }
      server.cables.database.dispose();
      server.cables.broker?.dispose();
    }
    await this.broker?.dispose();
    await this.database?.dispose();
    this.networks?.dispose();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
