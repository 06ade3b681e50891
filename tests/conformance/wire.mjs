// Frames and handshakes as bytes, and a socket that sends them whole or cut anywhere.
import { once } from 'node:events';
import net from 'node:net';
import { within } from '../e2e/harness.mjs';

export const quick = Boolean(process.env.STARLING_CONFORMANCE_QUICK);

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export function handshake({ target = '/echo', line = `GET ${target} HTTP/1.1`, without = [], headers = [] } = {}) {
  const usual = { Host: 'x', Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Version': '13', 'Sec-WebSocket-Key': KEY };
  const lines = Object.entries(usual).filter(([name]) => !without.includes(name)).map(([name, value]) => `${name}: ${value}`);
  return Buffer.from([line, ...lines, ...headers, '', ''].join('\r\n'), 'latin1');
}

export const TEXT = 1;
export const BINARY = 2;
export const CLOSE = 8;
export const PING = 9;
export const PONG = 10;

// `length` announces another size than the payload has; `form` (7, 16 or 64 bits) a longer header than it needs.
export function frame(opcode, payload = '', { fin = true, rsv = 0, mask = [1, 2, 3, 4], length, form } = {}) {
  const data = Buffer.from(payload);
  const size = length ?? data.length;
  const bits = form ?? (size < 126 ? 7 : size < 65536 ? 16 : 64);
  const header = Buffer.alloc(2 + (bits === 16 ? 2 : bits === 64 ? 8 : 0));
  header[0] = (fin ? 0x80 : 0) | (rsv << 4) | opcode;
  header[1] = (mask ? 0x80 : 0) | (bits === 7 ? size : bits === 16 ? 126 : 127);
  if (bits === 16) header.writeUInt16BE(size, 2);
  if (bits === 64) header.writeBigUInt64BE(BigInt(size), 2);
  if (!mask) return Buffer.concat([header, data]);
  for (let i = 0; i < data.length; ++i) data[i] ^= mask[i & 3];
  return Buffer.concat([header, Buffer.from(mask), data]);
}

export const open = { fin: false };
// Buffers, text, lists of numbers, and lists of all of these.
const one = (part) => (Array.isArray(part) && part.some((inner) => typeof inner !== 'number') ? bytes(...part) : Buffer.from(part));
export const bytes = (...parts) => Buffer.concat(parts.map(one));
export const close = (code, reason = '') => frame(CLOSE, bytes([code >> 8, code & 255], Buffer.from(reason)));

// What a server sent behind its handshake, frame by frame: {fin, rsv, opcode, payload}.
function framesOf(data) {
  const frames = [];
  for (let at = 0; at + 2 <= data.length;) {
    let size = data[at + 1] & 127;
    let header = 2;
    if (size === 126 && at + 4 > data.length) break;
    if (size === 127 && at + 10 > data.length) break;
    if (size === 126) [size, header] = [data.readUInt16BE(at + 2), 4];
    else if (size === 127) [size, header] = [Number(data.readBigUInt64BE(at + 2)), 10];
    if (at + header + size > data.length) break;
    frames.push({ fin: data[at] >> 7 === 1, rsv: (data[at] >> 4) & 7, opcode: data[at] & 15, masked: data[at + 1] > 127,
      payload: data.subarray(at + header, at + header + size) });
    at += header + size;
  }
  return frames;
}

// A server's frame in words: "text:Hello", "pong:", "close:1002"; bytes that are no text in hexadecimal.
export function word({ fin, rsv, opcode, masked, payload }) {
  const marks = (fin ? '' : 'open ') + (rsv ? `rsv${rsv} ` : '') + (masked ? 'masked ' : '');
  if (opcode === TEXT) return `${marks}text:${payload}`;
  if (opcode === BINARY) return `${marks}binary:${payload.toString('hex')}`;
  if (opcode === PING) return `${marks}ping:${payload}`;
  if (opcode === PONG) return `${marks}pong:${payload}`;
  if (opcode === CLOSE) return `${marks}close:${payload.length >= 2 ? payload.readUInt16BE(0) : ''}`;
  return `${marks}opcode ${opcode}`;
}

export class Wire {
  constructor(server) {
    this.chunks = [];
    this.size = 0;
    this.ended = false;
    this.changed = () => {};
    this.socket = net.connect({ port: server.port, host: '127.0.0.1', noDelay: true });
    this.connected = once(this.socket, 'connect');
    this.connected.catch(() => {});
    this.socket.on('data', (data) => {
      this.chunks.push(data);
      this.size += data.length;
      this.changed();
    });
    this.socket.on('error', () => {});
    this.socket.on('end', () => this.changed());
    this.socket.on('close', () => {
      this.ended = true;
      this.changed();
    });
  }
  get data() {
    this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0];
  }
  // The answer's head, and what came behind it.
  get head() {
    return this.data.subarray(0, this.data.indexOf('\r\n\r\n') + 4).toString('latin1');
  }
  get status() {
    return Number(this.head.split(' ')[1]);
  }
  get frames() {
    const end = this.data.indexOf('\r\n\r\n');
    return end < 0 ? [] : framesOf(this.data.subarray(end + 4));
  }
  get words() {
    return this.frames.map(word);
  }
  write(data) {
    this.socket.write(data);
    return this;
  }
  // In pieces that end at `cuts`, each in a send of its own.
  async writeCut(data, cuts) {
    await within(this.connected, 'a connection');
    let from = 0;
    for (const to of [...cuts, data.length]) {
      if (this.ended || this.socket.destroyed) return;
      this.socket.write(data.subarray(from, to));
      from = to;
      await new Promise(setImmediate);
    }
  }
  until(found, what = 'an answer', limit) {
    const wait = new Promise((resolve) => {
      this.changed = () => {
        if (found(this)) resolve(this);
      };
      this.changed();
    });
    return within(wait, what, limit).catch((error) => {
      error.message += `; there is ${JSON.stringify(this.data.subarray(0, 300).toString('latin1'))}`;
      throw error;
    });
  }
  closed(limit) {
    return this.until(() => this.ended, 'the end of the connection', limit);
  }
  opened() {
    return this.until(() => this.head.length >= 4, 'the handshake');
  }
}

// All of these, `width` at a time.
export async function each(list, width, run) {
  const waiting = [...list];
  const worker = async () => {
    while (waiting.length > 0) await run(waiting.shift());
  };
  await Promise.all(Array.from({ length: width }, worker));
}
