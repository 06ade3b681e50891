// What is measured and logged: everything that board, alerts and handbook name is in a live scrape,
// and nothing that was planted as a secret is anywhere.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { run, Server, within } from './harness.mjs';
import { journal } from './journal.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const read = (name) => readFileSync(path.join(root, name), 'utf8');
const families = (scrape) => new Set([...scrape.matchAll(/^# TYPE (\S+)/gm)].map((found) => found[1]));

test('board, alerts and handbook name only what a live scrape holds, and the alerts are valid', async () => {
  const server = await Server.start({ args: ['--threads', '2'] });
  try {
    const scrape = await (await fetch(server.metrics)).text();
    execFileSync('promtool', ['check', 'metrics'], { input: scrape });
    execFileSync('promtool', ['check', 'rules', path.join(root, 'tools/prometheus/starling.rules.yml')]);
    const known = families(scrape);
    assert.ok(known.size >= 30 && known.size <= 60, `${known.size} families`);
    const board = JSON.parse(read('tools/grafana/starling.json'));
    const queries = board.panels.flatMap((panel) => (panel.targets ?? []).map((target) => target.expr));
    assert.ok(queries.length > 12);
    for (const [where, text] of [['board', queries.join('\n')], ['alerts', read('tools/prometheus/starling.rules.yml')], ['handbook', read('docs/operations.md')]]) {
      const names = new Set([...text.matchAll(/\bstarling_[a-z_]+/g)].map((found) => found[0].replace(/_(bucket|sum|count)$/, '')));
      assert.ok(names.size > 5, where);
      // Those of a bus are there where there is one.
      for (const name of names) assert.ok(known.has(name) || name.startsWith('starling_bus_'), `${where}: ${name}`);
    }
  } finally {
    await server.dispose();
  }
});

test('deliveries and turns are measured: a repeat is none, each message is one', async () => {
  const server = await Server.start({ args: ['--threads', '2'] });
  const value = async (name) => {
    const scrape = await (await fetch(server.metrics)).text();
    return [...scrape.matchAll(new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'gm'))].reduce((sum, found) => sum + Number(found[1]), 0);
  };
  try {
    const ann = await server.user('ann');
    const [one, other] = [await server.member(ann, 'r'), await server.member(ann, 'r')];
    for (const client of [one, other]) {
      for (let i = 0; i < 10; ++i) {
        client.send({ type: 'chat_message', roomId: 'r', content: 'x', clientMessageId: `${i}` }); // the second one's are repeats
        await client.next('message_sent');
      }
    }
    // Each core publishes its numbers once a second: those of both are there when all that was said is, and what
    // was measured of it.
    const said = 2 * 12;
    const published = async () => (await value('starling_messages_received_total')) >= said && (await value('starling_delivery_seconds_count')) >= 10;
    await within((async () => {
      while (!(await published()));
    })(), 'the numbers of both cores');
    assert.equal(await value('starling_delivery_seconds_count'), 10);
    const seconds = await value('starling_delivery_seconds_sum');
    assert.ok(seconds > 0 && seconds < 20, `${seconds}`);
    assert.ok(await value('starling_loop_turns_total') > 20);
    const busy = await value('starling_loop_busy_seconds_total');
    assert.ok(busy > 0 && busy < 60, `${busy}`);
  } finally {
    await server.dispose();
  }
});

for (const form of ['JSON', 'the journal']) test(`no planted secret is in logs (${form}), metrics, settings shown, or the command line`, async (t) => {
  const planted = { secret: 'planted-secret-of-the-tokens', code: 'planted-invite-code', text: 'planted-message-text', password: 'planted-password', email: 'planted-address' };
  const config = `[auth]\nsecret = "${planted.secret}"\nregistration = "invite"\ninvite_code = "${planted.code}"\n[log]\nlevel = "debug"\n`;
  const kept = form === 'JSON' ? null : await journal(t);
  const server = await Server.start({ config, through: kept?.through, log: kept?.log });
  try {
    const body = { username: 'ann', email: `${planted.email}@example.org`, password: planted.password, invite: planted.code };
    const made = await server.call('POST', '/api/users', { body });
    assert.equal(made.status, 201);
    const token = made.body.token;
    await server.call('POST', '/api/users', { body }); // taken
    await server.call('POST', '/api/users', { body: { ...body, username: 'bob', invite: `${planted.code}x` } }); // refused
    await server.call('POST', '/api/sessions', { body: { username: 'ann', password: `${planted.password}x` } }); // wrong
    await server.call('GET', '/api/users', { token: `${token}x` }); // forged
    const client = await server.member({ token }, 'r');
    client.send({ type: 'chat_message', roomId: 'r', content: planted.text, clientMessageId: '1' });
    client.send(`{"type": "chat_message", "content": "${planted.text}`); // broken
    client.send({ type: planted.text });
    await client.next('message_sent');
    await client.settle();
    await server.call('DELETE', '/api/sessions', { token });
    await run(['reload', '--data-dir', path.join(server.folder, 'data')]);
    const file = path.join(server.folder, 'starling.toml');
    const seen = {
      metrics: await (await fetch(server.metrics)).text(),
      'config show': (await run(['config', 'show', '--origin', '--config', file])).stdout + (await run(['config', 'show', '--json', '--config', file])).stdout,
      'command line': readFileSync(`/proc/${server.child.pid}/cmdline`, 'utf8'),
    };
    assert.equal(await server.stop(), 0);
    await kept?.told.until((line) => line.includes('"message":"stopped"'), 'the last line');
    seen.logs = server.lines.join('\n');
    assert.ok(seen.logs.includes('stopped') && seen.metrics.length > 1000 && seen['config show'].includes('(hidden)'));
    for (const [where, text] of Object.entries(seen)) {
      for (const secret of [...Object.values(planted), token, token.split('.')[2]]) assert.ok(!text.includes(secret), `${where}: ${secret}`);
    }
  } finally {
    await server.dispose();
  }
});
