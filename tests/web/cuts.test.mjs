// Nothing is lost and nothing is there twice: two pages and a third writer talk while their connections
// are cut at random moments and the server is killed again and again, on the same data.
//
// STARLING_CUTS sets how many cuts (500), STARLING_SEED repeats a run's plan.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { UNLIMITED, within } from '../e2e/harness.mjs';
import { composer, online, pending, Rig, rows } from './harness.mjs';
import { Random } from './random.mjs';

const cuts = Number(process.env.STARLING_CUTS ?? 500);
const restarts = 6;
const room = 'storm';
const most_ms = 120_000 + cuts * 1_000;
let rig;
before(async () => {
  rig = await Rig.start({ proxied: true, config: `[limits]\n${UNLIMITED}` });
});
after(() => rig.dispose());

// The page waits for random times before it tries again; here they are a fiftieth as long, or 500
// cuts would take an hour. What it does is the same.
const impatient = (context) => context.addInitScript(() => {
  const random = Math.random;
  Math.random = () => random() / 50;
});

// In every frame: no seq twice, no text twice (not even as one that waits), in order, and what was
// there once is there still.
const guard = (page) => page.evaluate(() => {
  const seen = new Set();
  const faults = (globalThis.faults = []);
  const look = () => {
    const timeline = document.querySelector('[data-timeline]');
    const seqs = [...timeline.querySelectorAll('[data-seq]')].map((row) => Number(row.dataset.seq));
    if (seqs.some((seq, i) => i > 0 && seq <= seqs[i - 1])) faults.push(`not in order: ${seqs}`);
    const texts = [...timeline.querySelectorAll('[data-seq] [data-body], [data-pending] [data-body]')].map((body) => body.textContent.trim());
    const twice = texts.filter((text, i) => texts.indexOf(text) !== i);
    if (twice.length) faults.push(`twice: ${twice}`);
    const now = new Set(seqs);
    for (const seq of seen) if (!now.has(seq)) faults.push(`${seq} was there and is gone`);
    for (const seq of seqs) seen.add(seq);
  };
  let due = false;
  new MutationObserver(() => {
    if (due) return;
    due = true;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      due = false;
      if (faults.length < 5) look();
    }));
  }).observe(document.querySelector('[data-timeline]'), { childList: true, subtree: true });
});

// Cuts at a moment that nobody can foresee: after a time, or behind a byte of either direction.
async function cutOnce(random) {
  const how = random.of(['reset', 'reset', 'end', 'half']);
  if (random.happens(0.5)) {
    await sleep(random.between(0, 100));
    rig.proxy.cut(how);
    return;
  }
  const burnt = rig.proxy.cutBehind(random.between(1, 2_500), random.of(['up', 'down']), how);
  await Promise.race([burnt, sleep(150)]);
  if (rig.proxy.fuse) {
    rig.proxy.fuse = undefined;
    rig.proxy.cut(how);
  }
}

test(`${cuts} cuts and ${restarts} kills of the server`, async (t) => {
  const random = Random.fromEnvironment();
  t.diagnostic(`STARLING_SEED=${random.seed}`);
  const ann = await rig.person('ann', { room, before: impatient });
  const bob = await rig.person('bob', { room, before: impatient });
  const carl = await rig.server.user('carl');
  await guard(ann);
  await guard(bob);

  const share = 125;
  let over = false;
  let given_up = false;
  t.after(() => (over = given_up = true));
  const sent = [];
  const write = async (page, name) => {
    const dice = new Random(random.seed + name.length * 7 + name.charCodeAt(0));
    for (let i = 1; i <= share; ++i) {
      const text = `${name} ${i}`;
      await page.fill(composer, text);
      await page.press(composer, 'Enter');
      sent.push(text);
      while (!over && rig.proxy.cuts < (cuts * i) / share) await sleep(dice.between(5, 40));
    }
  };
  // By REST, past the proxy; asks again under the same key until there is an answer.
  const write_by_rest = async () => {
    for (let i = 1; i <= share; ++i) {
      const text = `carl ${i}`;
      for (let done = false; !done; ) {
        const answer = await rig.server.call('POST', '/api/messages', { token: carl.token, headers: { 'Idempotency-Key': `carl-${i}` },
          body: { content: text, room_id: room } }).catch(() => ({ status: 0 }));
        done = answer.status === 200 || answer.status === 201;
        if (given_up) return;
        assert.ok(done || answer.status === 0 || answer.status >= 500, JSON.stringify(answer.body));
        if (!done) await sleep(20);
      }
      sent.push(text);
      while (!over && rig.proxy.cuts < (cuts * i) / share) await sleep(20);
    }
  };
  const writers = Promise.all([write(ann, 'ann'), write(bob, 'bob'), write_by_rest()]);

  const began = Date.now();
  let killed = 0;
  while (rig.proxy.cuts < cuts) {
    assert.ok(Date.now() - began < most_ms, `only ${rig.proxy.cuts} cuts`);
    if (rig.proxy.sockets.length === 0) {
      await sleep(2);
      continue;
    }
    rig.proxy.delay_ms = random.of([0, 0, 0, 5, 20]);
    await cutOnce(random);
    if (killed < restarts && rig.proxy.cuts >= ((killed + 1) * cuts) / (restarts + 1)) {
      killed += 1;
      await rig.server.kill();
      await rig.server.start();
    }
  }
  over = true;
  rig.proxy.delay_ms = 0;
  t.diagnostic(`${rig.proxy.cuts} cuts, of ${rig.proxy.deep_cuts} sockets that were well under way, in ${Date.now() - began} ms`);
  await within(writers, 'everything has been written', 60_000);
  for (const page of [ann, bob]) {
    await online(page);
    await page.waitForFunction(() => !document.querySelector('[data-pending]'), undefined, { timeout: 60_000 });
  }
  const history = (await rig.history(carl, room)).map(({ seq, content }) => ({ seq, text: content }));
  assert.deepEqual(history.map(({ text }) => text).sort(), [...sent].sort());
  const order = (name) => history.filter(({ text }) => text.startsWith(name)).map(({ text }) => Number(text.split(' ')[1]));
  for (const [page, name] of [[ann, 'ann'], [bob, 'bob']]) {
    await page.waitForFunction((seq) => document.querySelector(`[data-timeline] [data-seq="${seq}"]`), history.at(-1).seq);
    assert.deepEqual((await rows(page)).map(({ seq, text }) => ({ seq, text })), history);
    assert.deepEqual(order(name), [...order(name)].sort((a, b) => a - b), 'each one\'s messages stay in their order');
    assert.deepEqual(await page.evaluate(() => globalThis.faults), []);
    assert.deepEqual(await pending(page), []);
    assert.deepEqual(page.problems, []);
  }
  assert.equal(killed, restarts);
  assert.ok(rig.proxy.deep_cuts > cuts / 4, 'most cuts hit sockets that had hardly begun');
});
