// The shipped configurations of nginx and HAProxy, with real traffic over TLS: chat, addresses, cookies,
// servers that are killed and drained.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, Server } from '../e2e/harness.mjs';
import { Random } from '../web/random.mjs';
import { Fleet } from './fleet.mjs';
import { Front, shipped } from './front.mjs';
import { Load } from './load.mjs';

const TEST_MS = 300_000;
const trusting = 'trusted_proxies = ["127.0.0.1"]\n';
const tries = 3; // passwords of an address

const alone = (http = trusting) => Server.start({ config: `[http]\n${http}[auth]\nlogins_per_minute = ${tries}\n` });

// What the PHP chat tells its operators.
const original = `
upstream websocket {
    server $SERVER;
}
server {
    listen 127.0.0.1:$HTTPS ssl;
    ssl_certificate $CERT;
    ssl_certificate_key $KEY;
    location /ws {
        proxy_pass http://websocket;
        proxy_http_version 1.1;
        proxy_set_header Upgrade $http_upgrade;
        proxy_set_header Connection "upgrade";
        proxy_set_header Host $host;
        proxy_set_header X-Real-IP $remote_addr;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_read_timeout 86400;
    }
    location / {
        proxy_pass http://websocket;
    }
}`;

// Two people talk, as a browser does: by the cookie, with an Origin.
async function chat(front, host = `localhost:${front.port}`) {
  const users = [await front.user('ann'), await front.user('bob')];
  const clients = [];
  for (const user of users) {
    const client = await Client.open(front, { headers: { Origin: `https://${host}`, Cookie: user.cookie.split(';')[0] } });
    await client.next('welcome');
    client.send({ type: 'auth' });
    assert.equal((await client.next('auth_success')).userId, user.id);
    client.send({ type: 'join_room', roomId: 'r' });
    await client.next('room_joined');
    clients.push(client);
  }
  for (let i = 1; i <= 50; ++i) {
    clients[i % 2].send({ type: 'chat_message', roomId: 'r', content: `${i}`, clientMessageId: `${i}` });
    await clients[i % 2].next('message_sent');
  }
  for (const client of clients) {
    await client.next((frame) => frame.type === 'chat_message' && frame.seq === 50);
    await client.close();
  }
  return users;
}

const guess = (front, from, headers) =>
  front.call('POST', '/api/sessions', { from, headers, body: { username: 'nobody', password: 'a guess of mine' } });

// Each address has its tries, and nobody gets more by what they say of themselves.
async function addresses(front, servers = 1) {
  const statuses = [];
  while (statuses.at(-1) !== 429 && statuses.length <= tries * servers) statuses.push((await guess(front, '127.0.0.5')).status);
  assert.equal(statuses.pop(), 429);
  assert.ok(statuses.length >= tries && statuses.every((status) => status === 401), `${statuses}`);
  if (servers > 1) return;
  assert.equal((await guess(front, '127.0.0.6')).status, 401, 'another address');
  for (const invented of ['192.0.2.1', '127.0.0.1', '192.0.2.1, 127.0.0.1']) {
    assert.equal((await guess(front, '127.0.0.5', { 'X-Forwarded-For': invented, Forwarded: `for=${invented}` })).status, 429, invented);
  }
}

async function behind(t, server, front) {
  t.after(() => Promise.all([front.dispose(), server.dispose()]));
  const users = await chat(front);
  for (const { cookie } of users) assert.match(cookie, /; HttpOnly; SameSite=Strict; Max-Age=\d+; Secure$/);
  await addresses(front);
}

test('one server behind nginx', async (t) => {
  const server = await alone();
  const front = await Front.nginx([server]);
  await behind(t, server, front);
  const moved = await fetch(`http://127.0.0.1:${front.plain}/x`, { redirect: 'manual', headers: { Host: 'chat.example.org' } });
  assert.equal(moved.status, 301);
  // Whoever reaches the server without the proxy is not believed, whatever it says.
  const { headers } = await server.call('POST', '/api/users', { body: { username: 'eve', email: 'e@x' }, headers: { 'X-Forwarded-Proto': 'http' } });
  assert.doesNotMatch(headers.get('set-cookie'), /Secure/);
});

test('one server behind HAProxy', async (t) => {
  const server = await alone();
  await behind(t, server, await Front.haproxy([server]));
});

test('one server behind HAProxy, by the PROXY protocol', async (t) => {
  const server = await alone(`${trusting}proxy_protocol = true\n`);
  await behind(t, server, await Front.haproxy([server], 'starling-tcp.cfg'));
  const scrape = await (await fetch(server.metrics)).text();
  assert.doesNotMatch(scrape, /^starling_proxy_headers_refused_total\{core="\d+"\} [1-9]/m, 'health checks are understood, too');
});

test('the nginx of the original works as it stands', async (t) => {
  const server = await alone('');
  const front = await Front.nginx([server], original);
  t.after(() => Promise.all([front.dispose(), server.dispose()]));
  await chat(front, 'localhost');
});

test('quiet lines outlive the proxies\' patience', () => {
  const server_gives_up_s = 2 * 30 + 10; // two pings of the default interval, and the grace for the pong
  for (const [file, name] of [['nginx/starling.conf', 'proxy_(?:read|send)_timeout'], ['haproxy/starling.cfg', 'timeout (?:client|server|tunnel)'],
    ['haproxy/starling-tcp.cfg', 'timeout (?:client|server)']]) {
    const found = [...shipped(file).matchAll(new RegExp(`^ *${name} +(\\d+)s`, 'gm'))].map((match) => Number(match[1]));
    assert.ok(found.length >= 2 && Math.min(...found) > server_gives_up_s, `${file}: ${found}`);
  }
});

for (const kind of ['nginx', 'haproxy']) {
  test(`two servers behind ${kind}: one is killed, one drains, and nobody loses anything`, { timeout: TEST_MS }, async (t) => {
    const fleet = await Fleet.start({ servers: 2, bus: false, env: { STARLING_HTTP__TRUSTED_PROXIES: '127.0.0.1', STARLING_AUTH__LOGINS_PER_MINUTE: `${tries}` } });
    t.after(() => fleet.dispose());
    const front = await Front[kind](fleet.servers);
    t.after(() => front.dispose());
    await addresses(front, 2);
    const load = await Load.start({ running: [front], database: fleet.database }, { people: 40, rooms: 4, random: Random.fromEnvironment() });
    t.after(() => load.end());
    load.talk(50);
    await load.more(100);
    const [one, other] = fleet.servers;
    const clients = (server) => fleet.metric(server, 'starling_connections{core="0"}'.replace(/[{}]/g, '\\$&'), (count) => count > 0);
    await Promise.all([clients(one), clients(other)]); // both have some
    await one.kill();
    await load.entered();
    await load.more(100, 'all go on at the other server');
    await one.start();
    await load.more(50);
    const drained = other.stop();
    await load.more(100, 'all go on while one drains');
    assert.equal(await drained, 0);
    await load.more(50, 'all go on at the one that is left');
    await load.settle();
    await load.compare();
  });
}
