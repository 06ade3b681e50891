// Everything bad at once, from addresses of its own, while a hundred people chat.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import WebSocket from 'ws';
import { Attack, BOMB, ECHO } from './attackers.mjs';
import { Raw, Server, within } from './harness.mjs';

const GOOD = 100;
const PAUSE_MS = 2_000; // between two messages of a good client
const CALM_MS = 4_000;
const ATTACK_MS = 8_000;
const MESSAGES_PER_SECOND = 20;
const BURST = 40;
const REGISTRATIONS = GOOD + 20;
const LOGINS = 10;
const ADDRESS_CONNECTIONS = 150;
const THREADS = 2;
// What a server keeps once it has been busy: the receive buffers of each shard, and some of the heap.
const RECEIVE_KB = 8 * 1024 * THREADS;
const SLACK_KB = 8 * 1024;
const CONFIG = `
[http]
head_timeout_ms = 1000
body_timeout_ms = 2000
[test]
echo = true
[auth]
deadline_ms = 1500
registrations_per_hour = ${REGISTRATIONS}
logins_per_minute = ${LOGINS}
[limits]
messages_per_second = ${MESSAGES_PER_SECOND}
message_burst = ${BURST}
user_messages_per_second = ${MESSAGES_PER_SECOND}
user_message_burst = ${BURST}
refusals = 500
address_requests_per_second = 500
address_request_burst = 1000
address_connections = ${ADDRESS_CONNECTIONS}
fragments = 64
private_buffer_bytes = 65536
`;

// Says something every PAUSE_MS and keeps what it hears.
class Good {
  constructor(client, number) {
    Object.assign(this, { client, number, sent: new Map(), latencies: [], heard: [], refused: [], late: 0 });
    this.client.take = (one) => this.hear(one);
  }
  talk() {
    let count = 0;
    const say = () => {
      const id = `${this.number}-${count++}`;
      this.late += this.sent.size > 0;
      this.sent.set(id, performance.now());
      this.client.send({ type: 'chat_message', roomId: 'good', content: id, clientMessageId: id });
    };
    this.first = setTimeout(() => {
      say();
      this.timer = setInterval(say, PAUSE_MS);
    }, (this.number * PAUSE_MS) / GOOD);
  }
  quiet() {
    clearTimeout(this.first);
    clearInterval(this.timer);
  }
  hear(one) {
    if (one.type === 'chat_message') this.heard.push(one.seq);
    if (one.type === 'error' || one.type === 'gap') this.refused.push(one);
    if (one.type !== 'message_sent') return;
    this.latencies.push(performance.now() - this.sent.get(one.clientMessageId));
    this.sent.delete(one.clientMessageId);
  }
}

const after_ms = (time) => new Promise((resolve) => setTimeout(resolve, time));
const kilobytes = (server, name) => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${server.child.pid}/status`, 'utf8'))[1]);

// It keeps what is freed.
const sanitized = (server) => kilobytes(server, 'VmSize') > 1e9;

// Seconds of the processor that it has used.
function processor_seconds(server) {
  const [, rest] = readFileSync(`/proc/${server.child.pid}/stat`, 'utf8').split(') ');
  const fields = rest.split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}
// Of one processor, over a second.
async function processor_share(server) {
  const before = processor_seconds(server);
  await after_ms(1_000);
  return processor_seconds(server) - before;
}

async function metric(server, name) {
  const text = await (await fetch(server.metrics)).text();
  return [...text.matchAll(new RegExp(`^${name}(\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((sum, [, , value]) => sum + Number(value), 0);
}

function take_latencies(good) {
  const all = good.flatMap((one) => one.latencies.splice(0)).sort((a, b) => a - b);
  const at = (share) => Math.round(all[Math.floor(all.length * share)] ?? 0);
  return `${all.length} messages, acknowledged in ${at(0.5)} ms (median), ${at(0.99)} ms (99 %)`;
}

test('a hundred people chat through every attack at once, and afterwards all is as before', async (t) => {
  const server = await Server.start({ config: CONFIG, args: ['--threads', String(THREADS)] });
  const good = [];
  let attack;
  try {
    for (let i = 0; i < GOOD; ++i) {
      const user = await server.user(`good-${i}`, i === 0 ? { password: 'nobody guesses this' } : {});
      good.push(new Good(await server.member(user, 'good'), i));
    }
    const mallory = await server.user('mallory');
    const observer = await server.user('observer'); // mallory's own calls are refused by then
    await (await server.member(mallory, 'pit')).close();
    const quiet_share = await processor_share(server);
    for (const one of good) one.talk();
    await after_ms(CALM_MS);
    t.diagnostic(`before: ${take_latencies(good)}`);
    const memory_before = kilobytes(server, 'VmRSS');

    attack = new Attack({ port: server.port, auth: { token: mallory.token }, most_of_address: ADDRESS_CONNECTIONS });
    await after_ms(ATTACK_MS);
    t.diagnostic(`under attack: ${take_latencies(good)}`);
    const memory = kilobytes(server, 'VmRSS') - memory_before;
    t.diagnostic(`memory grew by ${memory} kB`);
    const attacks = await within(attack.stop(), 'what came of the attack');
    for (const one of good) one.quiet();

    // Whoever behaves lost nothing and was told of nothing.
    await within((async () => {
      while (good.some((one) => one.sent.size > 0)) await after_ms(20);
    })(), 'an acknowledgement for each message');
    const { headSeq } = (await server.call('GET', '/api/rooms/good', { token: observer.token })).body;
    assert.ok(headSeq >= GOOD * 3, `${headSeq} messages`);
    await within((async () => {
      while (good.some((one) => one.heard.at(-1) !== headSeq)) await after_ms(20);
    })(), 'every message at every member');
    for (const one of good) {
      assert.equal(one.client.socket.readyState, WebSocket.OPEN);
      assert.deepEqual(one.refused, []);
      assert.equal(one.late, 0, 'each message was answered before the next one was said');
      const first = one.heard[0];
      assert.deepEqual(one.heard, one.heard.map((_, i) => first + i), 'in order, none missing, none twice');
    }

    // Nobody was let through.
    for (const [what, one] of Object.entries(attacks)) t.diagnostic(`${what}: ${one.opened} opened, ${one.closed_by_server} closed by the server, ${JSON.stringify(one.statuses)}`);
    const page = async (room) => (await server.call('GET', `/api/rooms/${room}`, { token: observer.token })).body.headSeq;
    const pit = await page('pit');
    const allowed = BURST + (MESSAGES_PER_SECOND * (ATTACK_MS + 5_000)) / 1000;
    assert.ok(pit > 0 && pit <= allowed, `${pit} messages of the flood were kept, ${allowed} are allowed`);
    assert.ok(attacks.registrations.statuses[201] <= REGISTRATIONS + 1);
    assert.ok((attacks.logins.statuses[401] ?? 0) <= LOGINS + 4 && attacks.logins.statuses[429] > 100);
    assert.ok(attacks.health.statuses[200] > 10 && !attacks.health.statuses[429], 'health is told to everybody');
    assert.ok(attacks.registrations.statuses[429] > 100 && attacks.requests.statuses[429] > 100);
    assert.ok(attacks['slow heads'].statuses[408] > 60 && attacks['slow bodies'].statuses[408] >= 60 && attacks['half handshakes'].statuses[408] >= 60);
    for (const what of ['nobody', 'endless fragments', 'floods', 'garbage']) assert.ok(attacks[what].closed_by_server >= 5, what);
    assert.ok(attacks.connections.closed_by_server >= ADDRESS_CONNECTIONS);
    assert.ok(attacks.bombs.too_big > 0);
    assert.equal(attacks.garbage.statuses[200], undefined);
    if (!sanitized(server)) assert.ok(memory < 100_000, `${memory} kB more`);

    // And it is over.
    await within((async () => {
      while ((await metric(server, 'starling_connections')) > GOOD + 5 || (await metric(server, 'starling_buffer_bytes')) > 1 << 20) await after_ms(100);
    })(), 'connections and buffers as before', 10_000);
    await within((async () => {
      while ((await processor_share(server)) > quiet_share + 0.1) ;
    })(), 'as little of the processor as before', 10_000);
    const more = () => kilobytes(server, 'VmRSS') - memory_before;
    if (!sanitized(server)) {
      await within((async () => {
        while (more() > RECEIVE_KB + SLACK_KB) await after_ms(100);
      })(), 'memory as before', 10_000).catch((error) => assert.fail(`${error.message}: ${more()} kB more`));
    }
    t.diagnostic(`afterwards: ${more()} kB more than before`);
    const limited = await metric(server, 'starling_limited_total');
    assert.ok(limited > 1_000, `${limited} refusals counted`);
    assert.equal(await server.stop(), 0);
  } finally {
    attack?.end();
    for (const one of good) one.quiet();
    await server.dispose();
  }
});

// 16 MiB of it are inflated before it is refused.
test('of a bomb nothing stays behind, in no shard', async (t) => {
  const server = await Server.start({ config: '[test]\necho = true\n', args: ['--threads', String(THREADS)] });
  try {
    if (sanitized(server)) {
      t.skip('a sanitizer keeps what is freed');
      return;
    }
    const before = kilobytes(server, 'VmRSS');
    for (let i = 0; i < 2 * THREADS; ++i) {
      const raw = new Raw(server).write(ECHO);
      await raw.until((text) => text.includes('\r\n\r\n'), 'the upgrade');
      raw.socket.write(BOMB);
      assert.match(await raw.until((text) => text.includes('\x88'), 'the refusal'), /\x88[\x02-\x7d]\x03\xf1/); // 1009
      raw.socket.destroy();
    }
    const more = () => kilobytes(server, 'VmRSS') - before;
    await within((async () => {
      while (more() > SLACK_KB) await after_ms(20);
    })(), 'memory as before', 10_000).catch((error) => assert.fail(`${error.message}: ${more()} kB more`));
    assert.equal(await server.stop(), 0);
  } finally {
    await server.dispose();
  }
});
