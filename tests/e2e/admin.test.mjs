// The admin listener by itself: how many it serves, what it takes, and that nobody there holds up the server. That it
// answers while a shard stands still is shown in daemon.test.mjs.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Raw, Server, statusOf } from './harness.mjs';

const ask = (path, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

test('it has places for 64 who stay, closes who comes beyond, and ends with the server whoever is there', async () => {
  const server = await Server.start();
  const { port } = new URL(server.metrics);
  const come = () => new Raw({ port }).write(ask('/livez'));
  try {
    const all = [];
    for (let i = 0; i < 64; ++i) all.push(come());
    for (const one of all) await one.until((text) => statusOf(text) === 200);
    assert.equal(await come().closed(), '');
    all.pop().socket.destroy();
    for (;;) { // as soon as the server has heard that one has gone
      const next = come();
      if ((await next.until((text, ended) => ended || text.endsWith('ok\n'))) === '') continue;
      all.push(next);
      break;
    }
    const whole = all[0].write(ask('/metrics') + ask('/readyz')); // both at once, on one connection
    await whole.until((text) => text.includes('starling_build_info') && text.endsWith('ready\n'));
    assert.equal(await server.stop(), 0);
    for (const one of all) await one.closed();
  } finally {
    await server.dispose();
  }
});

test('it takes no bodies, no changes and no upgrades, and what is no HTTP ends there', async () => {
  const server = await Server.start();
  const { port } = new URL(server.metrics);
  const exchange = (bytes) => Raw.exchange({ port }, bytes);
  const close = 'Connection: close\r\n';
  try {
    assert.equal(statusOf(await exchange(ask('/api/users', close))), 404);
    assert.equal(statusOf(await exchange(`POST /metrics HTTP/1.1\r\nHost: x\r\n${close}Content-Length: 0\r\n\r\n`)), 405);
    assert.equal(statusOf(await exchange(`POST /metrics HTTP/1.1\r\nHost: x\r\n${close}Content-Length: 5000\r\n\r\n`)), 413);
    const upgrade = new Raw({ port }).write(ask('/ws', 'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n'));
    await upgrade.until((text) => statusOf(text) === 404);
    upgrade.socket.destroy();
    assert.equal(statusOf(await exchange('\x16\x03\x01nonsense\r\n\r\n')), 400);
    assert.equal((await fetch(server.metrics)).status, 200);
  } finally {
    await server.dispose();
  }
});
