// A cable between a server and its broker or database, which tests can pull out, hold still, or make
// a bad one: a TCP proxy on loopback.
import { once } from 'node:events';
import net from 'node:net';

export class Cable {
  // `spoiler`: changes what comes from the target, see Deliveries.
  static async to(port, spoiler) {
    const cable = new Cable();
    Object.assign(cable, { host: '127.0.0.1', target: port, spoiler, links: new Set(), plugged: true, still: false });
    cable.listener = net.createServer((socket) => cable.plug(socket));
    cable.listener.listen(0, '127.0.0.1');
    await once(cable.listener, 'listening');
    cable.port = cable.listener.address().port;
    return cable;
  }

  plug(near) {
    near.on('error', () => {});
    if (!this.plugged) {
      near.resetAndDestroy();
      return;
    }
    const far = net.connect(this.target, '127.0.0.1');
    const link = { near, far };
    this.links.add(link);
    const end = () => {
      this.links.delete(link);
      near.destroy();
      far.destroy();
    };
    for (const socket of [near, far]) {
      socket.setNoDelay(true);
      socket.on('error', end);
      socket.on('close', end);
    }
    near.on('data', (data) => far.write(data));
    const spoil = this.spoiler ? new Deliveries(this.spoiler, (bytes) => near.write(bytes)) : null;
    far.on('data', (data) => (spoil ? spoil.take(data) : near.write(data)));
    if (this.still) this.hold(link);
  }

  hold({ near, far }) {
    near.pause();
    far.pause();
  }

  // Pulled out: connections end, and further ones are refused, until restore().
  cut() {
    this.plugged = false;
    for (const { near, far } of [...this.links]) {
      near.resetAndDestroy();
      far.resetAndDestroy();
    }
  }

  // Nothing comes through, in either direction, and nobody is told. What is on its way goes on at
  // restore(), or is gone with a cut().
  silence() {
    this.still = true;
    for (const link of this.links) this.hold(link);
  }

  restore() {
    this.plugged = true;
    this.still = false;
    for (const { near, far } of this.links) {
      near.resume();
      far.resume();
    }
  }

  dispose() {
    this.cut();
    this.listener.close();
  }
}

// Takes the stream that a broker sends apart into AMQP frames (AMQP 0-9-1, section 4.2.3), and hands
// whole deliveries to a spoiler: each is a method (basic.deliver), a header and bodies on one channel.
class Deliveries {
  constructor(spoiler, write) {
    Object.assign(this, { spoiler, write, rest: Buffer.alloc(0), delivery: null, left: 0 });
  }

  take(data) {
    this.rest = this.rest.length ? Buffer.concat([this.rest, data]) : data;
    for (;;) {
      if (this.rest.length < 7) return;
      const size = this.rest.readUInt32BE(3) + 8;
      if (this.rest.length < size) return;
      this.frame(this.rest.subarray(0, size));
      this.rest = this.rest.subarray(size);
    }
  }

  frame(bytes) {
    const [type] = bytes;
    const [METHOD, HEADER, BODY] = [1, 2, 3];
    if (type === METHOD && bytes.readUInt32BE(7) === ((60 << 16) | 60)) {
      this.delivery = [bytes];
      return;
    }
    if (!this.delivery || (type !== HEADER && type !== BODY)) {
      this.write(bytes);
      return;
    }
    this.delivery.push(bytes);
    if (type === HEADER) this.left = Number(bytes.readBigUInt64BE(11));
    else this.left -= bytes.length - 8;
    if (this.left > 0) return;
    const whole = Buffer.concat(this.delivery);
    this.delivery = null;
    this.spoiler.deliver(whole, this.write);
  }
}

// Loses, doubles and reorders deliveries by chance, and counts what it did.
export class Spoiler {
  constructor(random, { lose = 0.05, double = 0.05, reorder = 0.1 } = {}) {
    Object.assign(this, { random, lose, double, reorder, lost: 0, doubled: 0, reordered: 0, held: [] });
  }

  deliver(bytes, write) {
    if (this.random.happens(this.lose)) {
      this.lost += 1;
      return;
    }
    if (this.random.happens(this.reorder)) {
      this.reordered += 1;
      this.held.push(bytes);
      return;
    }
    write(bytes);
    if (this.random.happens(this.double)) {
      this.doubled += 1;
      write(bytes);
    }
    // What was held back comes behind what it was before.
    if (this.held.length > 0 && this.random.happens(0.5)) write(this.held.shift());
  }
}
