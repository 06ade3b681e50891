// The badge is true: three tabs of one user and three writers do random things; within a second of
// quiet every badge of every tab says what the database says.
//
// STARLING_BADGE_ROUNDS sets how many rounds (12), STARLING_SEED repeats a run's plan.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { after, before, test } from 'node:test';
import { UNLIMITED } from '../e2e/harness.mjs';
import { Database, goTo, online, painted, Rig, say, see } from './harness.mjs';
import { Random } from './random.mjs';

const rounds = Number(process.env.STARLING_BADGE_ROUNDS ?? 12);
const rooms = ['garden', 'harbour', 'kitchen', 'library'];
const due_ms = 1_000;
let rig;
let database;
before(async () => {
  rig = await Rig.start({ config: `[limits]\n${UNLIMITED}` });
  database = new Database(rig.server);
});
after(async () => {
  database?.close();
  await rig.dispose();
});

// Room by room what the database says: the messages behind what the user has read.
async function truth(user) {
  const found = await database.rows(`SELECT m.room_id, (SELECT count(*) FROM messages e WHERE e.room_id = m.room_id AND e.kind = 0 AND e.seq > m.read_seq)
    FROM members m WHERE m.user_id = ${user.id} ORDER BY m.room_id`);
  return Object.fromEntries(found);
}

// What one tab says of the wanted rooms, and in its title.
const saidBy = (tab, wanted) => tab.evaluate((rooms) => ({
  badges: Object.fromEntries(rooms.map((room) => {
    const link = document.querySelector(`[data-room-link="${room}"]`);
    return [room, Number((link?.matches('[data-unread]') ? link : link?.querySelector('[data-unread]'))?.dataset.unread ?? 0)];
  })),
  title: document.title.match(/^\(\d+\)/)?.[0] ?? '',
}), wanted);

// What database, badges and titles say, once they agree; what they say after `due_ms` otherwise.
async function settled(user, tabs) {
  const began = performance.now();
  for (;;) {
    const asked_ms = performance.now() - began;
    const told = { database: await truth(user), took_ms: Math.round(asked_ms) };
    told.tabs = await Promise.all(tabs.map((tab) => saidBy(tab, Object.keys(told.database))));
    const total = Object.values(told.database).reduce((sum, count) => sum + count, 0);
    const title = total ? `(${total})` : '';
    const agreed = told.tabs.every((tab) => JSON.stringify(tab.badges) === JSON.stringify(told.database) && tab.title === title);
    if (agreed || asked_ms > due_ms) return { ...told, agreed };
    await sleep(25);
  }
}

async function memberOf(name, wanted) {
  const user = await rig.server.user(name);
  for (const room of wanted) await rig.server.member(user, room).then((client) => client.close());
  return user;
}

test(`${rounds} rounds of three tabs and three writers`, async (t) => {
  const random = Random.fromEnvironment();
  t.diagnostic(`STARLING_SEED=${random.seed}`);
  const writers = [];
  for (const name of ['bob', 'carl', 'dora']) writers.push(await rig.server.user(name));
  const messages = [];
  for (const room of rooms) for (const writer of writers) messages.push(...(await rig.post(writer, room, 15)).map((made) => ({ ...made, writer })));
  const first = await rig.person('ann', { user: await memberOf('ann', rooms), room: rooms[0] });
  const tabs = [first, await rig.tab(first.context(), `/room/${rooms[1]}`), await rig.tab(first.context(), `/room/${rooms[0]}`)];
  for (const tab of tabs) {
    await online(tab);
    for (const room of rooms) await tab.waitForSelector(`[data-room-link="${room}"]`, { state: 'attached' });
  }

  const acts = {
    write: async () => {
      const writer = random.of(writers);
      const made = await rig.post(writer, random.of(rooms), random.between(1, 4), (i) => `${writer.username} ${messages.length} ${i}`);
      messages.push(...made.map((one) => ({ ...one, writer })));
    },
    delete: async () => {
      const { id, writer } = messages.splice(random.between(0, messages.length - 1), 1)[0];
      await rig.server.call('DELETE', `/api/messages/${id}`, { token: writer.token });
    },
    switch: async () => random.of(tabs).$eval(`[data-room-link="${random.of(rooms)}"]`, (link) => link.click()),
    scroll: async () => {
      const up = random.happens(0.5);
      await random.of(tabs).$eval('[data-timeline]', (timeline, share) => (timeline.scrollTop = timeline.scrollHeight * share), up ? 0.3 : 1);
    },
    answer: async () => {
      const text = `an answer ${random.between(1, 1e9)}`;
      const tab = random.of(tabs);
      await say(tab, text);
      await see(tab, text);
    },
    reload: async () => {
      const tab = random.of(tabs);
      await tab.reload();
      await online(tab);
      for (const room of rooms) await tab.waitForSelector(`[data-room-link="${room}"]`, { state: 'attached' });
    },
  };
  const likely = ['write', 'write', 'write', 'write', 'write', 'write', 'delete', 'delete', 'switch', 'switch', 'scroll', 'scroll', 'answer', 'reload'];
  let unread = 0;
  let slowest_ms = 0;
  for (let round = 1; round <= rounds; ++round) {
    const done = [];
    for (let i = random.between(4, 10); i > 0; --i) {
      const act = random.of(likely);
      done.push(act);
      await acts[act]();
    }
    await painted(tabs[0]);
    const told = await settled(first.user, tabs);
    assert.ok(told.agreed, `round ${round}, after ${done}: ${JSON.stringify(told, null, 1)}`);
    unread += Object.values(told.database).filter((count) => count > 0).length;
    slowest_ms = Math.max(slowest_ms, told.took_ms);
  }
  t.diagnostic(`${unread} badges above 0 in ${rounds} rounds; the slowest agreed within ${slowest_ms} ms`);
  assert.ok(unread >= rounds / 4, 'hardly anything was ever unread');
  for (const tab of tabs) assert.deepEqual(tab.problems, []);
  await first.context().close();
});

test('who looks at the end of a room has read it, in every tab', async () => {
  const bob = await rig.server.user('bob2');
  await rig.post(bob, rooms[0], 3);
  const ann = await rig.person('ann2', { user: await memberOf('ann2', rooms.slice(0, 2)), room: rooms[1] });
  const other = await rig.tab(ann.context(), `/room/${rooms[1]}`);
  await online(other);
  await rig.post(bob, rooms[0], 2, (i) => `new ${i}`);
  await other.waitForFunction((room) => Number(document.querySelector(`[data-room-link="${room}"] [data-unread], [data-room-link="${room}"][data-unread]`)?.dataset.unread) > 0, rooms[0]);
  await goTo(ann, rooms[0]);
  await see(ann, 'new 2');
  const told = await settled(ann.user, [ann, other]);
  assert.deepEqual([told.agreed, told.database[rooms[0]]], [true, 0], JSON.stringify(told));
  await ann.context().close();
});

test('a page that gets no frames is told, and tells, all the same', async () => {
  const bob = await rig.server.user('bob3');
  const user = await memberOf('ann3', rooms.slice(0, 2));
  const without = (context) => context.addInitScript(() => (window.requestAnimationFrame = () => 0));
  const still = await rig.person('ann3', { user, room: rooms[1], before: without });
  const ann = await rig.person('ann3', { user, room: rooms[1] });
  await rig.post(bob, rooms[0], 2, (i) => `for both ${i}`);
  const unread = await settled(user, [still, ann]);
  assert.deepEqual([unread.agreed, unread.database[rooms[0]]], [true, 2], JSON.stringify(unread));
  await goTo(ann, rooms[0]);
  await see(ann, 'for both 2');
  const read = await settled(user, [still, ann]);
  assert.deepEqual([read.agreed, read.database[rooms[0]]], [true, 0], JSON.stringify(read));
  for (const page of [still, ann]) await page.context().close();
});
