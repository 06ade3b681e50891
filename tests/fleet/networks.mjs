// Networks of a test's own: servers in network namespaces, each with a line to the clients, one to the
// broker and one to the database, which can be pulled out at either end.
//
//   namespace of server n            this machine
//     clients  ───────────────────── bridge, .1 is the test
//     broker   ───────────────────── bridge, .1 is RabbitMQ
//     database ───────────────────── bridge, .1 is MariaDB
//
// A line that is out is nobody's word: no packet comes through, and no connection is told. It takes
// root and ip (iproute2) to make one.
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

const KINDS = ['clients', 'broker', 'database'];
const PREFIX = 'starling-';

const ip = (...args) => execFileSync('ip', args, { stdio: ['ignore', 'pipe', 'pipe'] });

export class Networks {
  static make() {
    remove_remains();
    const networks = new Networks();
    networks.name = `${PREFIX}${process.pid}`;
    networks.namespaces = [];
    networks.far_ends = [];
    networks.bridges = new Map();
    const subnets = free_subnets();
    for (const [i, kind] of KINDS.entries()) {
      const bridge = { name: interface_name(kind), subnet: subnets[i] };
      ip('link', 'add', bridge.name, 'type', 'bridge');
      networks.bridges.set(kind, bridge);
      ip('addr', 'add', `${networks.address(kind)}/24`, 'dev', bridge.name);
      ip('link', 'set', bridge.name, 'up');
    }
    return networks;
  }

  // Where the machine itself listens in that network.
  address(kind) {
    return `${this.bridges.get(kind).subnet}.1`;
  }

  // One more namespace: {through, host, lines}: what runs a program in it, its address for clients,
  // and its lines by kind.
  join() {
    const n = this.namespaces.length;
    const namespace = `${this.name}-${n}`;
    ip('netns', 'add', namespace);
    this.namespaces.push(namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    const lines = {};
    for (const [kind, bridge] of this.bridges) {
      lines[kind] = new Line(namespace, kind, interface_name(kind, n), bridge.name, this.address(kind));
      ip('link', 'add', lines[kind].far, 'type', 'veth', 'peer', 'name', kind, 'netns', namespace);
      this.far_ends.push(lines[kind].far);
      ip('link', 'set', lines[kind].far, 'master', bridge.name, 'up');
      ip('-n', namespace, 'addr', 'add', `${bridge.subnet}.${10 + n}/24`, 'dev', kind);
      ip('-n', namespace, 'link', 'set', kind, 'up');
    }
    return { through: ['ip', 'netns', 'exec', namespace], host: `${this.bridges.get('clients').subnet}.${10 + n}`, lines };
  }

  dispose() {
    for (const far of this.far_ends) ip('link', 'del', far); // with the end in the namespace
    for (const namespace of this.namespaces) ip('netns', 'del', namespace);
    for (const { name } of this.bridges.values()) ip('link', 'del', name);
  }
}

// A line between a namespace and the machine.
class Line {
  constructor(namespace, near, far, bridge, host) {
    Object.assign(this, { namespace, near, far, bridge, host });
  }

  // Pulled out at the server: its link is down, and its kernel knows that there is no way.
  pull() {
    ip('-n', this.namespace, 'link', 'set', this.near, 'down');
  }

  // Pulled out at the bridge: the link looks well, packets leave, and come nowhere.
  pull_far() {
    ip('link', 'set', this.far, 'nomaster');
  }

  restore() {
    ip('link', 'set', this.far, 'master', this.bridge);
    ip('-n', this.namespace, 'link', 'set', this.near, 'up');
  }

  dispose() {} // it goes with its namespace
}

// At most 15 bytes.
function interface_name(kind, n = '') {
  return `sl${process.pid}${kind[0]}${n}`;
}

// Three neighbouring subnets, without their last byte, of those that are for tests of networks
// (RFC 2544: 198.18.0.0/15).
function free_subnets() {
  const taken = Object.values(networkInterfaces()).flat().map(({ address }) => address.replace(/\.\d+$/, ''));
  for (;;) {
    const first = Math.floor(Math.random() * 84) * KINDS.length;
    const subnets = KINDS.map((_, i) => `198.18.${first + i}`);
    if (!subnets.some((subnet) => taken.includes(subnet))) return subnets;
  }
}

// A test that was killed left its namespaces.
function remove_remains() {
  const alive = (pid) => readdirSync('/proc').includes(pid);
  const names = ip('netns', 'list').toString().split('\n').map((line) => line.split(' ')[0]);
  for (const name of names.filter((one) => one.startsWith(PREFIX) && !alive(one.split('-')[1]))) ip('netns', 'del', name);
  for (const name of Object.keys(networkInterfaces())) {
    const [, pid] = name.match(/^sl(\d+)[a-z]\d*$/) ?? [];
    if (pid && !alive(pid)) ip('link', 'del', name);
  }
}
