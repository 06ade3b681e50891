// The load generator: that it counts exactly what a server does wrong, and a short run of it against
// the real one, which must do nothing wrong (how fast is not asked here).
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import http from 'node:http';
import path from 'node:path';
import { test } from 'node:test';
import { WebSocketServer } from 'ws';
import { binary, Server, UNLIMITED, within } from './harness.mjs';

const generator = path.join(path.dirname(binary), '../../bench/load/starling-load');

// {code, stderr, report}; the report is what it printed, if it printed any.
async function load(...args) {
  return ended(spawn(generator, args.map(String)));
}

async function ended(child) {
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const [code] = await within(once(child, 'close'), `the end of ${child.spawnargs.join(' ')}`, 60_000 + SECONDS * 1000);
  return { code, stderr, report: stdout.includes('{') ? JSON.parse(stdout.slice(stdout.indexOf('{'))) : undefined };
}

// A server that gives each client `given(member, number)` copies of message `number`, and those of
// a message that is late behind the next one. Members are numbered as they come.
async function withPeer({ given = () => 1, late = () => false }, use) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  await once(server, 'listening');
  const members = [];
  const held = new Map();
  const give = (member, text, number) => {
    for (let i = 0; i < given(member, number); ++i) members[member].send(text);
  };
  server.on('connection', (socket) => {
    members.push(socket);
    socket.on('error', () => {});
    socket.on('message', (data) => {
      const text = String(data);
      const number = Number(/#n=(\d+)/.exec(text)[1]);
      members.forEach((_, member) => {
        if (late(member, number)) {
          held.set(member, [text, number]);
          return;
        }
        give(member, text, number);
        if (held.has(member)) give(member, ...held.get(member));
        held.delete(member);
      });
    });
  });
  try {
    await use(server.address().port, members);
  } finally {
    for (const socket of members) socket.terminate();
    await new Promise((resolve) => server.close(resolve));
  }
}

// A WebSocket server of the test's own; it ends with the test.
async function webSocketServer(t) {
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
  t.after(() => {
    for (const socket of server.clients) socket.terminate();
    server.close();
  });
  await once(server, 'listening');
  return server;
}

// The same for HTTP.
async function httpServer(t, answer) {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return server;
}

const small = ['--peer', 'raw', '--members', 4, '--seconds', 1, '--settle', 0];
const lossy = [...small, '--drain', 1]; // what never comes is not waited for

test('a server without fault is found to have none', async () => {
  await withPeer({}, async (port) => {
    const { code, report } = await load('open', '--pid', process.pid, '--port', port, ...small, '--rate', 50);
    assert.equal(code, 0);
    const { sent, expected, delivered, lost, doubled, reordered } = report;
    assert.deepEqual({ sent, expected, delivered, lost, doubled, reordered },
      { sent: 50, expected: 200, delivered: 200, lost: 0, doubled: 0, reordered: 0 });
  });
});

test('what is lost, doubled and reordered is counted exactly, each for itself', async () => {
  const faults = {
    // Member 1 never gets 3 and 50 (the last), member 2 gets 7 three times, members 0 and 3 get 9 behind 10.
    given: (member, number) => (member === 1 && (number === 3 || number === 50) ? 0 : member === 2 && number === 7 ? 3 : 1),
    late: (member, number) => (member === 0 || member === 3) && number === 9,
  };
  await withPeer(faults, async (port) => {
    const { code, report } = await load('open', '--pid', process.pid, '--port', port, ...lossy, '--rate', 50);
    assert.equal(code, 1);
    const { delivered, lost, doubled, reordered } = report;
    assert.deepEqual({ delivered, lost, doubled, reordered }, { delivered: 198, lost: 2, doubled: 2, reordered: 2 });
  });
});

test('a closed loop keeps to its window', async () => {
  let reached = 0;
  let highest = 0;
  let complete;
  const twelve = new Promise((resolve) => (complete = resolve));
  // Nobody but member 0 gets anything, so nothing is ever through and the window stays full.
  const given = (member, number) => {
    highest = Math.max(highest, number);
    if (++reached === 12 * 4) complete();
    return member === 0 ? 1 : 0;
  };
  await withPeer({ given }, async (port) => {
    const ended = load('closed', '--pid', process.pid, '--port', port, ...lossy, '--window', 12);
    await within(twelve, 'twelve messages');
    const { code, report } = await ended;
    assert.equal(code, 1);
    assert.equal(report.sent, 12);
    assert.equal(highest, 12);
    assert.equal(report.lost, 36);
  });
});

test('latency counts from the intended time, however late a message leaves', async () => {
  // With the first message the generator is stopped for 300 ms. What it then sends late has waited.
  let child;
  let stopped = false;
  const given = () => {
    if (stopped) return 1;
    stopped = true;
    child.kill('SIGSTOP');
    const end = performance.now() + 300;
    while (performance.now() < end) { /* the server serves nobody */ }
    child.kill('SIGCONT');
    return 1;
  };
  await withPeer({ given }, async (port) => {
    child = spawn(generator, ['open', '--pid', process.pid, '--port', port, ...small, '--rate', 100].map(String));
    const { report } = await ended(child);
    assert.equal(report.lost, 0);
    assert.ok(report.latency_ms.max >= 250, `max ${report.latency_ms.max}`);
    // At least 20 of the 100 messages ought to have left in the first 200 ms of it.
    assert.ok(report.latency_ms.p90 >= 50, `p90 ${report.latency_ms.p90}`);
    assert.ok(report.sent_late_ms.p90 >= 50, `sent late: p90 ${report.sent_late_ms.p90}`);
  });
});

test('a connection that the server ends is told', async () => {
  let members;
  const given = (member, number) => {
    if (member === 3 && number === 5) members[3].close();
    return 1;
  };
  await withPeer({ given }, async (port, sockets) => {
    members = sockets;
    const { code, report } = await load('open', '--pid', process.pid, '--port', port, ...lossy, '--rate', 20);
    assert.equal(code, 1);
    assert.equal(report.closed, 1);
    assert.equal(report.lost, 16);
  });
});

test('rooms of a raw server are its paths', async (t) => {
  const server = await webSocketServer(t);
  const rooms = new Map();
  server.on('connection', (socket, request) => {
    rooms.set(request.url, [...(rooms.get(request.url) ?? []), socket]);
    socket.on('message', (data) => rooms.get(request.url).forEach((member) => member.send(String(data))));
  });
  const { code, report } = await load('open', '--pid', process.pid, '--port', server.address().port, ...small,
    '--rooms', 3, '--path', '/in/{room}', '--rate', 10);
  assert.equal(code, 0);
  assert.equal(rooms.size, 3);
  for (const [url, members] of rooms) {
    assert.match(url, /^\/in\/load-/);
    assert.equal(members.length, 4);
  }
  assert.equal(report.delivered, 3 * 10 * 4);
});

test('messages that share a frame are counted one by one', async (t) => {
  // As much of NATS as it takes; every second message waits for the next one, and 6 is dropped.
  const server = await webSocketServer(t);
  let held = '';
  server.on('connection', (socket) => {
    socket.send(Buffer.from('INFO {}\r\n'));
    socket.on('message', (data, binary) => {
      assert.ok(binary);
      const text = String(data);
      if (text.startsWith('CONNECT')) socket.send(Buffer.from('PONG\r\n'));
      if (!text.startsWith('PUB')) return;
      const number = Number(/#n=(\d+)/.exec(text)[1]);
      if (number !== 6) held += text.replace('PUB', 'MSG');
      if (number % 2 === 1) return;
      for (const client of server.clients) client.send(Buffer.from(held));
      held = '';
    });
  });
  const { code, report } = await load('open', '--pid', process.pid, '--port', server.address().port,
    ...lossy.map((part) => (part === 'raw' ? 'nats' : part)), '--rate', 20);
  assert.equal(code, 1);
  const { sent, delivered, lost, doubled } = report;
  assert.deepEqual({ sent, delivered, lost, doubled }, { sent: 20, delivered: 76, lost: 4, doubled: 0 });
});

test('every client that comes is counted; one that is sent away ends the measurement', async (t) => {
  const come = ['connect', '--pid', process.pid, '--peer', 'raw', '--members', 1, '--settle', 0, '--count', 50, '--window', 7];
  await withPeer({}, async (port, members) => {
    const { code, report } = await load(...come, '--port', port);
    assert.equal(code, 0);
    assert.equal(report.done, 50);
    assert.equal(members.length, 51);
  });
  const server = await httpServer(t);
  let asked = 0;
  const accept = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    if (++asked === 20) return socket.destroy();
    return accept.handleUpgrade(request, socket, head, () => {});
  });
  t.after(() => accept.clients.forEach((socket) => socket.terminate()));
  const { code, stderr } = await load(...come, '--port', server.address().port);
  assert.equal(code, 69);
  assert.match(stderr, /sent away/);
});

test('requests: each answer is counted, and each refusal', async (t) => {
  let asked = 0;
  const server = await httpServer(t, (request, answer) => {
    answer.statusCode = ++asked === 10 ? 503 : 200;
    answer.setHeader('Content-Length', 2);
    answer.end('ok');
  });
  const { code, report } = await load('requests', '--pid', process.pid, '--port', server.address().port,
    '--get', '/x', '--seconds', 1, '--window', 4);
  assert.equal(code, 1);
  assert.equal(report.refused, 1);
  assert.equal(report.first_error, '503');
  assert.equal(report.done, asked);
});

test('a server that dies and comes back: all are back, with all that was said', async () => {
  const server = await Server.start({ args: ['--auth', 'open'], config: `[limits]\n${UNLIMITED}` });
  try {
    const child = spawn(generator, ['resume', '--pid', server.child.pid, '--port', server.port, '--rooms', 5, '--members', 20,
      '--rate', 20, '--seconds', 3, '--settle', 0, '--drain', 30].map(String));
    const end = ended(child);
    await within(once(child.stdout, 'data'), 'the first message');
    await server.kill();
    await server.start();
    const { code, report, stderr } = await end;
    assert.equal(code, 0, stderr || JSON.stringify(report));
    assert.equal(report.back, 100);
    assert.equal(report.sent, 300);
    assert.equal(report.delivered, 300 * 20);
    assert.equal(await server.stop(), 0);
  } finally {
    await server.dispose();
  }
});

test('wrong arguments are 64, a server that is not there 69', async () => {
  assert.equal((await load('open', '--port', 1)).code, 64);
  assert.equal((await load('open', '--pid', process.pid, '--rate', 0)).code, 64);
  assert.equal((await load('sideways', '--pid', process.pid)).code, 64);
  assert.equal((await load('open', '--pid', process.pid, '--port', 1)).code, 69);
});

// STARLING_LOAD_SECONDS: how long each of the plans loads the server (3 by default).
const SECONDS = Number(process.env.STARLING_LOAD_SECONDS ?? 3);

for (const shards of [2, 4, 8]) {
  test(`5 rooms of 50 on ${shards} shards: nothing is lost, doubled or reordered`, async () => {
    const server = await Server.start({
      args: ['--auth', 'open', '--threads', String(shards)],
      config: `[limits]\n${UNLIMITED}`,
    });
    try {
      const party = ['--pid', server.child.pid, '--port', server.port, '--rooms', 5, '--members', 50, '--settle', 0];
      for (const plan of [['open', '--rate', 20], ['closed', '--window', 4]]) {
        const { code, report, stderr } = await load(...plan, ...party, '--seconds', SECONDS);
        assert.equal(code, 0, stderr || JSON.stringify(report));
        assert.equal(report.refused, 0, report.first_error);
        assert.equal(report.delivered, report.sent * 50);
        assert.ok(report.delivered > 0);
      }
      assert.equal(await server.stop(), 0);
    } finally {
      await server.dispose();
    }
  });
}
