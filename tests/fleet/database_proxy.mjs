// A line between a server and its database that a test can listen to and cut.
import { once } from 'node:events';
import net from 'node:net';
import { within } from '../e2e/harness.mjs';

// A query of the protocol: three bytes of length, one of number, 3 (COM_QUERY), text.
const QUERY = 3;

// The greeting: length and number, 10, the version's text, 4 bytes of a number, 8 of a seed, 0, capabilities
// (2), charset, status (2), capabilities (2), a length, 6 bytes of nothing, and MariaDB's own capabilities (4).
function without_extensions(greeting) {
  const behind_version = greeting.indexOf(0, 5) + 1;
  greeting.fill(0, behind_version + 27, behind_version + 31);
}

export class DatabaseProxy {
  // `database`: a Mariadb of mariadb.mjs. `plain`: what it says of itself is what MySQL says.
  static async start(database, { plain = false } = {}) {
    const proxy = new DatabaseProxy();
    proxy.plain = plain;
    proxy.lines = new Set();
    proxy.wishes = [];
    proxy.server = net.createServer((client) => proxy.connect(client, database.port)).listen(0, '127.0.0.1');
    await once(proxy.server, 'listening');
    proxy.url = database.url.replace(`:${database.port}/`, `:${proxy.server.address().port}/`);
    return proxy;
  }

  connect(client, port) {
    const line = { client, server: net.connect(port, '127.0.0.1'), mute: false, done: '' };
    this.lines.add(line);
    client.on('data', (data) => {
      const text = data[4] === QUERY ? data.toString('latin1', 5) : '';
      if (text.startsWith('START TRANSACTION')) line.done = '';
      const index = text
        ? this.wishes.findIndex(({ pattern, behind }) => pattern.test(text) && behind.test(line.done))
        : -1;
      line.done += `${text.slice(0, 40)}\n`;
      if (index < 0) return line.server.write(data);
      const [wish] = this.wishes.splice(index, 1);
      if (wish.pass) line.server.write(data);
      line.mute = true;
      line.held = wish.pass ? undefined : data;
      line.answer = undefined;
      wish.resolve(line);
    });
    if (this.plain) line.server.once('data', without_extensions);
    line.server.on('data', (data) => {
      if (!line.mute) return client.write(data);
      line.answer = data;
      line.answered?.();
    });
    for (const [one, other] of [[client, line.server], [line.server, client]]) {
      one.on('error', () => {});
      one.on('close', () => {
        this.lines.delete(line);
        other.destroy();
      });
    }
  }

  // The line on which the next query like that comes, in a transaction with one like `behind` before
  // it. The query goes on to the database if `pass`, and its answer stays here.
  catch(pattern, { pass, behind = /^/ }) {
    const caught = new Promise((resolve) => this.wishes.push({ pattern, behind, pass, resolve }));
    return within(caught, `a query like ${pattern}`);
  }

  // The database has answered what was caught.
  answered(line) {
    if (line.answer) return line.answer;
    return within(new Promise((resolve) => (line.answered = resolve)), 'the database answers');
  }

  cut(line) {
    line.client.destroy();
    line.server.destroy();
  }

  // What was caught goes on as if nothing had been; the answer to what was let through may still be on its way.
  release(line) {
    line.mute = false;
    if (line.answer) line.client.write(line.answer);
    else if (line.held) line.server.write(line.held);
  }

  close() {
    for (const line of this.lines) this.cut(line);
    this.server.close();
  }
}
