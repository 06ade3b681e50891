// Servers whose bus is a RabbitMQ behind TLS, and what becomes of one that does not believe its
// certificate.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Server, UNLIMITED, run } from '../e2e/harness.mjs';
import { make_certificates } from './certificates.mjs';
import { startMariadb } from './mariadb.mjs';
import { startRabbitmq } from './rabbitmq.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'starling-tls-'));
const tls = make_certificates(folder, 'localhost');
const another = make_certificates(path.join(folder, 'another'), 'localhost');

let mariadb;
let rabbitmq;
before(async () => {
  [mariadb, rabbitmq] = await Promise.all([startMariadb(), startRabbitmq({ tls })]);
  const { code, stderr } = await run(['migrate', 'up'], { env: { STARLING_STORE__URL: mariadb.url } });
  assert.equal(code, 0, stderr);
});
after(async () => {
  await Promise.all([mariadb?.dispose(), rabbitmq?.dispose()]);
  rmSync(folder, { recursive: true });
});

const config = `[auth]\nsecret = "a secret of servers that share a bus"\n[bus]\nheartbeat_s = 1\n[limits]\n${UNLIMITED}`;
async function serve(t, host, tls_ca) {
  const env = {
    STARLING_STORE__URL: mariadb.url, STARLING_BUS__TLS_CA: tls_ca,
    STARLING_BUS__URL: `amqps://guest:guest@${host}:${rabbitmq.tls_port}/`,
  };
  const server = await Server.start({ config, env });
  t.after(() => server.dispose());
  return server;
}

async function metric(server, name) {
  const text = await (await fetch(server.metrics)).text();
  return Number(text.match(new RegExp(`^${name} (\\S+)$`, 'm'))[1]);
}
async function until(done, what) {
  const end = Date.now() + 20_000;
  while (!(await done())) {
    assert.ok(Date.now() < end, what);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
const bus_up = (server) => until(async () => (await metric(server, 'starling_bus_up')) === 1, 'the bus is up');
const connections = async () =>
  (await rabbitmq.ctl('list_connections', 'ssl', 'timeout', '--no-table-headers')).stdout.trim().split('\n');

test('servers hear each other through TLS, and heartbeats keep the line', async (t) => {
  const servers = [await serve(t, 'localhost', tls.authority), await serve(t, 'localhost', tls.authority)];
  await Promise.all(servers.map(bus_up));
  const [ann, bob] = [await servers[0].user('ann'), await servers[1].user('bob')];
  const [here, there] = [await servers[0].member(ann, 'r'), await servers[1].member(bob, 'r')];
  for (let i = 1; i <= 200; ++i) {
    here.send({ type: 'chat_message', roomId: 'r', content: `${i}`.padEnd(4_000, 'x'), clientMessageId: `${i}` });
  }
  for (let i = 1; i <= 200; ++i) assert.equal((await there.next('chat_message')).seq, i);
  // Some may have been read from the archive before.
  await until(async () => (await metric(servers[1], 'starling_bus_events_total')) >= 200, 'they came by the bus');
  // Two of each server, with the heartbeat that was asked for; all of them TLS.
  assert.deepEqual(await connections(), Array(4).fill('true\t1'));
});

for (const [what, host, authority] of [
  ['of an unknown authority', 'localhost', another.authority],
  ['of another name', '127.0.0.1', tls.authority],
]) {
  test(`a certificate ${what} is refused, and chat goes on without the bus`, async (t) => {
    const server = await serve(t, host, authority);
    await until(() => server.lines.some((line) => line.includes('"the bus is away')), 'the broker is refused');
    const [line] = server.lines.filter((one) => one.includes('the bus is away'));
    assert.match(line, /SSL/);
    const ann = await server.user(`ann-of-${host}`);
    const member = await server.member(ann, 'r');
    member.send({ type: 'chat_message', roomId: 'r', content: 'alone', clientMessageId: 'alone' });
    await member.next('message_sent');
    assert.equal(await metric(server, 'starling_bus_up'), 0);
  });
}
