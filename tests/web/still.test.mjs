// Text never moves under the eye: whatever happens, what a reader looks at stays where it is, in every
// frame that is painted meanwhile.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { UNLIMITED } from '../e2e/harness.mjs';
import { composer, goTo, online, painted, phone, Rig, say, see, waitForConnection } from './harness.mjs';

const limit_px = 1;
let rig;
let ann;
let bob;
before(async () => {
  rig = await Rig.start({ config: `[limits]\n${UNLIMITED}` });
  ann = await rig.server.user('ann', { password: 'correct horse battery' });
  bob = await rig.server.user('bob');
});
after(() => rig.dispose());

const wrapped = (i) => `line ${i}: ${'some words that are wrapped where the window is narrow, '.repeat(1 + (i % 4))}`;

// A room of its own for each test, with `count` messages of two people, and ann who looks at it.
async function reader(room, count, options) {
  for (let i = 0; i < count; i += 20) await rig.post(i % 40 ? ann : bob, room, Math.min(20, count - i), (k) => wrapped(i + k));
  const page = await rig.person('ann', { user: ann, room, ...options });
  await see(page, wrapped(count).trim());
  await painted(page);
  return page;
}

// Scrolls, then notes in every painted frame where the rows are that were wholly in view.
const follow = (page, scroll) =>
  page.evaluate((where) => new Promise((resolve) => {
    const timeline = document.querySelector('[data-timeline]');
    if (where !== undefined) timeline.scrollTop = where < 0 ? timeline.scrollHeight + where - timeline.clientHeight : where;
    const rows = () => new Map([...timeline.querySelectorAll('[data-seq]')].map((row) => [row.dataset.seq, row.getBoundingClientRect()]));
    const frame = timeline.getBoundingClientRect();
    const watched = new Map([...rows()].filter(([, box]) => box.top >= frame.top && box.bottom <= frame.bottom).map(([seq, box]) => [seq, { y: box.top, moved: 0 }]));
    const state = { watched, frames: 0, going: true };
    globalThis.following = state;
    const channel = new MessageChannel();
    let size;
    // Behind the frame: what is measured here is what was painted, unless the window has changed again.
    channel.port1.onmessage = () => {
      if (`${innerWidth} ${innerHeight}` !== size) return;
      const now = rows();
      state.frames += 1;
      for (const [seq, row] of watched) {
        const box = now.get(seq);
        row.moved = box ? Math.max(row.moved, Math.abs(box.top - row.y)) : Infinity;
      }
    };
    const turn = () => {
      if (!state.going) return;
      size = `${innerWidth} ${innerHeight}`;
      channel.port2.postMessage(0);
      requestAnimationFrame(turn);
    };
    requestAnimationFrame(turn);
    resolve();
  }), scroll);

// How far each watched row has been away from where it was, in px.
async function moves(page) {
  await painted(page);
  await painted(page);
  const { rows, frames } = await page.evaluate(() => {
    globalThis.following.going = false;
    return { rows: [...globalThis.following.watched].map(([seq, row]) => ({ seq, moved: row.moved })), frames: globalThis.following.frames };
  });
  assert.ok(rows.length >= 3 && frames >= 4, `too little was watched: ${rows.length} rows in ${frames} frames`);
  return rows;
}

async function nothingMoved(page) {
  const moved = (await moves(page)).filter((row) => !(row.moved <= limit_px));
  assert.deepEqual(moved, []);
}

const firstSeq = (page) => page.$eval('[data-timeline] [data-seq]', (row) => Number(row.dataset.seq));

test('older messages come before', async () => {
  const page = await reader('prepend', 160);
  for (let pages = 0; pages < 2; ++pages) {
    const first = await firstSeq(page);
    await follow(page, 120);
    await page.waitForFunction((seq) => Number(document.querySelector('[data-timeline] [data-seq]').dataset.seq) < seq, first);
    await nothingMoved(page);
  }
  assert.deepEqual(page.problems, []);
  await page.context().close();
});

test('newer ones come behind while older ones are read', async () => {
  const page = await reader('append', 60);
  await follow(page, -500);
  await rig.post(bob, 'append', 12, (i) => `new ${i}`);
  await see(page, 'new 12');
  await nothingMoved(page);
  await page.waitForSelector('[data-jump]', { state: 'visible' });
  await page.context().close();
});

test('a long block of code comes', async () => {
  const page = await reader('code', 60);
  await follow(page, -400);
  const code = Array.from({ length: 200 }, (_, i) => `const line_${i} = "${'wide '.repeat(60)}";`).join('\n').slice(0, 4000);
  await rig.post(bob, 'code', 1, () => `\`\`\`js\n${code}\n\`\`\``);
  await rig.post(bob, 'code', 1, () => 'behind the code');
  await see(page, 'behind the code');
  await nothingMoved(page);
  const sideways = await page.$eval('[data-timeline]', (timeline) => timeline.scrollWidth - timeline.clientWidth);
  assert.ok(sideways <= 0, `the code widens the timeline by ${sideways} px`);
  await page.context().close();
});

// Where lines are wrapped anew not everything can stay; one row that is in view does.
async function oneStayed(page) {
  const rows = await moves(page);
  assert.ok(rows.some((row) => row.moved <= limit_px), JSON.stringify(rows));
}

test('the window gets narrower and wide again', async () => {
  const page = await reader('resize', 60);
  await follow(page, -900);
  for (const width of [1000, 760, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    await page.waitForFunction((wanted) => innerWidth === wanted, width);
    await painted(page);
  }
  await oneStayed(page);
  await page.context().close();
});

test('the keyboard of a phone comes and goes', async () => {
  const page = await reader('keyboard', 60, phone);
  const heights = [500, 844];
  await follow(page, -900);
  for (const height of heights) {
    await page.setViewportSize({ width: 390, height });
    await page.waitForFunction((wanted) => innerHeight === wanted, height);
    await painted(page);
  }
  await oneStayed(page);
  // Who is at the end stays there: the newest message is right above the composer.
  await page.$eval('[data-timeline]', (timeline) => (timeline.scrollTop = timeline.scrollHeight));
  for (const height of heights) {
    await page.setViewportSize({ width: 390, height });
    await page.waitForFunction((wanted) => innerHeight === wanted, height);
    await painted(page);
    const below = await page.$eval('[data-timeline]', (timeline) => timeline.scrollHeight - timeline.clientHeight - timeline.scrollTop);
    assert.ok(Math.abs(below) <= 1, `${below} px are below at height ${height}`);
    const box = await page.locator(composer).boundingBox();
    assert.ok(box.y + box.height <= height, `the composer ends at ${box.y + box.height} of ${height}`);
  }
  await page.context().close();
});

test('the server goes and comes back with what was written meanwhile', async () => {
  const page = await reader('reconnect', 60);
  await follow(page, -500);
  await rig.server.kill();
  await waitForConnection(page, 'waiting', 'connecting', 'offline');
  await rig.server.start();
  await rig.post(bob, 'reconnect', 5, (i) => `meanwhile ${i}`);
  await online(page);
  await see(page, 'meanwhile 5');
  await nothingMoved(page);
  await page.context().close();
});

const visibleRows = (page) =>
  page.$eval('[data-timeline]', (timeline) => {
    const frame = timeline.getBoundingClientRect();
    return [...timeline.querySelectorAll('[data-seq]')].map((row) => [row.dataset.seq, row.getBoundingClientRect()])
      .filter(([, box]) => box.bottom > frame.top && box.top < frame.bottom).map(([seq, box]) => ({ seq, y: Math.round(box.top) }));
  });

test('another room, and back', async () => {
  await rig.post(bob, 'elsewhere', 30);
  const page = await rig.person('ann', { user: ann, room: 'elsewhere' });
  await see(page, 'line 30');
  await page.context().close();
  const there = await reader('switch', 60);
  await there.$eval('[data-timeline]', (timeline) => (timeline.scrollTop = timeline.scrollHeight - timeline.clientHeight - 700));
  await painted(there);
  const before_it = await visibleRows(there);
  await goTo(there, 'elsewhere');
  await see(there, 'line 30');
  await goTo(there, 'switch');
  await there.waitForSelector(`[data-timeline] [data-seq="${before_it[1].seq}"]`);
  await painted(there);
  const after_it = await visibleRows(there);
  for (const row of before_it.slice(1, -1)) {
    const now = after_it.find(({ seq }) => seq === row.seq);
    assert.ok(now && Math.abs(now.y - row.y) <= limit_px, `${JSON.stringify(row)} is at ${JSON.stringify(now)}`);
  }
  await there.context().close();
});

test('a message above is deleted', async () => {
  const page = await reader('delete', 60);
  await follow(page, -500);
  const above = await page.evaluate(() => {
    const top = document.querySelector('[data-timeline]').getBoundingClientRect().top;
    const rows = [...document.querySelectorAll('[data-timeline] [data-seq]')].filter((row) => row.getBoundingClientRect().bottom < top);
    return rows.slice(-3).map((row) => ({ id: Number(row.dataset.id), sender: Number(row.dataset.sender) }));
  });
  assert.equal(above.length, 3);
  for (const { id, sender } of above) {
    const { token } = sender === ann.id ? ann : bob;
    assert.equal((await rig.server.call('DELETE', `/api/messages/${id}`, { token })).status, 200);
  }
  // The deletions have arrived when what was written behind them has.
  await rig.post(bob, 'delete', 1, () => 'behind the deletions');
  await see(page, 'behind the deletions');
  await nothingMoved(page);
  await page.context().close();
});

test('one\'s own message: what is read goes up by it and by nothing else', async () => {
  const page = await reader('own', 30);
  await say(page, 'mine');
  await see(page, 'mine');
  await painted(page);
  const before_it = await visibleRows(page);
  const [made] = await rig.history(ann, 'own').then((all) => all.slice(-1));
  assert.equal(made.content, 'mine');
  // The acknowledgement replaces the row that waited: it is there once, and nothing jumps afterwards.
  await painted(page);
  assert.deepEqual(await visibleRows(page), before_it);
  assert.equal(await page.$$eval('[data-pending]', (all) => all.length), 0);
  await page.context().close();
});
