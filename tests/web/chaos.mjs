// A TCP proxy that does to connections what networks do: ends them at any byte, ends one direction
// only, delays them, lets each live for some bytes only, swallows everything without a word.
import { once } from 'node:events';
import net from 'node:net';

export class Proxy {
  // `target` has a port, which may be of a server that is away for the moment.
  static async start(target) {
    const proxy = new Proxy(target);
    proxy.listener.listen(0, '127.0.0.1');
    await once(proxy.listener, 'listening');
    proxy.port = proxy.listener.address().port;
    proxy.url = `http://127.0.0.1:${proxy.port}`;
    return proxy;
  }

  constructor(target) {
    this.target = target;
    this.links = new Set();
    this.mode = 'pass';
    this.delay_ms = 0;
    this.lifetime = () => Infinity;  // of a connection that comes, in bytes of both directions; then it is reset
    this.cuts = 0;
    this.deep_cuts = 0;  // WebSockets among them that had been told more than a greeting
    this.listener = net.createServer((socket) => {
      this.links.add(new Link(this, socket));
    });
  }

  get sockets() {
    return [...this.links].filter((link) => link.is_websocket);
  }

  // Ends every connection now, as `how` says: 'reset', 'end' (a polite FIN), or 'half' (what the
  // server sends no longer comes, and the client is told so; its own direction is open for a while).
  // True if a WebSocket was among them.
  cut(how = 'reset') {
    const counts = this.sockets.length > 0;
    if (counts) this.cuts += 1;
    this.deep_cuts += this.sockets.filter((link) => link.told_bytes > 1_000).length;
    for (const link of [...this.links]) link.cut(how);
    return counts;
  }

  // Resolves when a connection has been ended behind its next `bytes` bytes, in the middle of
  // whatever is being said: those of that direction ('up' to the server, 'down' to the client).
  cutBehind(bytes, direction, how = 'reset') {
    return new Promise((resolve) => (this.fuse = { bytes, direction, how, resolve }));
  }

  // Nothing comes through any more, and nobody is told. What waits goes on afterwards.
  silence() {
    this.mode = 'silent';
    for (const link of this.links) link.pause();
  }

  // Pages and calls come through, WebSockets do not.
  refuseSockets() {
    this.mode = 'no sockets';
    this.cut();
  }

  pass() {
    this.mode = 'pass';
    for (const link of this.links) link.resume();
  }

  // New connections come through; those that are dead stay so.
  passNew() {
    this.mode = 'pass';
  }

  async close() {
    this.cut();
    this.listener.close();
    await once(this.listener, 'close');
  }
}

class Link {
  constructor(proxy, client) {
    this.proxy = proxy;
    this.client = client;
    this.server = net.connect(proxy.target.port, '127.0.0.1');
    this.is_websocket = false;
    this.told_bytes = 0;
    this.left_bytes = proxy.lifetime();
    this.delay_ms = proxy.delay_ms;  // one for its whole life, so that nothing is overtaken
    this.join(client, this.server, 'up');
    this.join(this.server, client, 'down');
    if (proxy.mode === 'silent') this.pause();
  }

  join(from, to, direction) {
    from.on('data', (data) => {
      if (direction === 'up') this.is_websocket ||= data.includes('Upgrade: websocket');
      if (this.is_websocket && this.proxy.mode === 'no sockets') return this.cut('reset');
      if (direction === 'down') this.told_bytes += data.length;
      this.left_bytes -= data.length;
      if (this.left_bytes < 0) {
        to.write(data.subarray(0, Math.max(0, data.length + this.left_bytes)), () => this.expire());
        return;
      }
      const { fuse } = this.proxy;
      if (this.is_websocket && fuse?.direction === direction) {
        fuse.bytes -= data.length;
        if (fuse.bytes <= 0) {
          this.proxy.fuse = undefined;
          to.write(data.subarray(0, data.length + fuse.bytes), () => fuse.resolve(this.proxy.cut(fuse.how)));
          return;
        }
      }
      if (this.delay_ms > 0) setTimeout(() => to.writable && to.write(data), this.delay_ms);
      else to.write(data);
    });
    from.on('end', () => to.end());
    from.on('error', () => {});
    from.on('close', (failed) => {
      if (failed) to.destroy();
      else to.end();
      if (to.closed) this.proxy.links.delete(this);
    });
  }

  expire() {
    if (!this.proxy.links.has(this)) return;
    this.proxy.cuts += 1;
    this.cut('reset');
  }

  cut(how) {
    if (how === 'half') {
      this.is_websocket = false;
      this.server.removeAllListeners('data').resume();
      this.client.end();
      return;
    }
    this.proxy.links.delete(this);
    for (const socket of [this.client, this.server]) {
      if (how === 'end') socket.destroy();
      else socket.resetAndDestroy();
    }
  }

  pause() {
    this.client.pause();
    this.server.pause();
  }

  resume() {
    this.client.resume();
    this.server.resume();
  }
}
