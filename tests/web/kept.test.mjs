// Nothing that was written is forgotten: drafts and what waits outlive reloads, what is refused keeps its text,
// and a logout is not taken back by a line that is down.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { away, changeDatabase, composer, online, painted, pending, Rig, rows, say, see, waitForConnection } from './harness.mjs';

let rig;
before(async () => {
  rig = await Rig.start({ proxied: true });
});
after(() => rig.dispose());
afterEach(() => rig.proxy.pass());

const texts = async (page) => (await rows(page)).map(({ text }) => text);

test('a reload keeps drafts and what waits to be sent, and sends it once', async () => {
  const page = await rig.person('dora', { room: 'reload' });
  await say(page, 'before');
  await see(page, 'before');
  rig.proxy.refuseSockets();
  await waitForConnection(page, ...away);
  await say(page, 'first in the outbox');
  await say(page, 'second in the outbox');
  await page.fill(composer, 'a thought that is not yet fin');
  const waiting = ['first in the outbox', 'second in the outbox'];
  await page.waitForFunction((count) => document.querySelectorAll('[data-pending]').length === count, waiting.length);
  assert.deepEqual((await pending(page)).map(({ text, state }) => `${state} ${text}`), waiting.map((text) => `pending ${text}`));
  await page.reload();
  await waitForConnection(page, ...away);
  // What can be shown is: the rooms, what waits, what was being written, and that there is no connection.
  await page.waitForFunction((count) => document.querySelectorAll('[data-pending]').length === count, waiting.length);
  assert.deepEqual((await pending(page)).map(({ text, state }) => `${state} ${text}`), waiting.map((text) => `pending ${text}`));
  await page.waitForSelector('[data-room-link="reload"]');
  await page.waitForSelector('[data-banner]');
  assert.equal(await page.inputValue(composer), 'a thought that is not yet fin');
  // Also what is written now outlives a reload.
  await say(page, 'written after the reload');
  await page.fill(composer, 'a thought that is not yet fin');
  waiting.push('written after the reload');
  await page.waitForFunction((count) => document.querySelectorAll('[data-pending]').length === count, waiting.length);
  await page.reload();
  await page.waitForFunction((count) => document.querySelectorAll('[data-pending]').length === count, waiting.length);
  rig.proxy.pass();
  await online(page);
  for (const text of waiting) await see(page, text);
  assert.equal(await page.inputValue(composer), 'a thought that is not yet fin');
  assert.deepEqual(await texts(page), ['before', ...waiting]);
  assert.deepEqual((await rig.history(page.user, 'reload')).map(({ content }) => content), ['before', ...waiting]);
  await page.context().close();
});

test('drafts are each room\'s own', async () => {
  const page = await rig.person('dana', { room: 'north' });
  await page.fill(composer, 'for the north');
  await painted(page);
  await page.goto(`${rig.url}/room/south`);
  await online(page);
  assert.equal(await page.inputValue(composer), '');
  await page.fill(composer, 'for the south');
  await painted(page);
  await page.click('[data-room-link="north"]');
  await page.waitForFunction((box) => document.querySelector(box).value === 'for the north', composer);
  await page.click('[data-room-link="south"]');
  await page.waitForFunction((box) => document.querySelector(box).value === 'for the south', composer);
  await page.context().close();
});

test('what the server refuses stays with its text, and can be tried again or thrown away', async () => {
  const page = await rig.person('fred', { room: 'failed' });
  await say(page, 'before');
  await see(page, 'before');
  changeDatabase(rig.server, `INSERT INTO restrictions (user_id, room_id, kind) VALUES (${page.user.id}, 'failed', 'mute')`);
  await say(page, 'refused once');
  await page.waitForSelector('[data-pending][data-state=failed]');
  await say(page, 'refused twice');
  await page.waitForFunction(() => document.querySelectorAll('[data-pending][data-state=failed]').length === 2);
  const failed = ['failed refused once', 'failed refused twice'];
  const kept = async () => (await pending(page)).map(({ text, state }) => `${state} ${text}`);
  assert.deepEqual(await kept(), failed);
  await page.reload();
  await page.waitForFunction(() => document.querySelectorAll('[data-pending][data-state=failed]').length === 2);
  assert.deepEqual(await kept(), failed);
  changeDatabase(rig.server, 'DELETE FROM restrictions');
  await page.locator('[data-pending]').first().getByRole('button', { name: /try again|retry/i }).click();
  await see(page, 'refused once');
  assert.deepEqual(await kept(), ['failed refused twice']);
  await page.locator('[data-pending]').getByRole('button', { name: /delete|discard|remove/i }).click();
  await page.waitForFunction(() => !document.querySelector('[data-pending]'));
  assert.deepEqual((await rig.history(page.user, 'failed')).map(({ content }) => content), ['before', 'refused once']);
  await page.context().close();
});

// The token in the page's cookie, renewed as it is at a first visit; and whether it still counts.
async function tokenOf(page) {
  await page.waitForFunction(() => Number(localStorage.getItem('starling.renewAt')) > Date.now() + 24 * 3600 * 1000);
  return (await page.context().cookies()).find(({ name }) => name === 'starling').value;
}
const statusOf = async (token) => (await rig.server.call('GET', '/api/rooms', { token })).status;

test('who logs out without the server is told so, and is logged out once it is back', async () => {
  const page = await rig.person('gone', { room: 'exit' });
  const other = await rig.tab(page.context(), '/room/exit');
  await online(other);
  const token = await tokenOf(page);
  rig.proxy.silence();
  await page.click('[data-logout]');
  for (const tab of [page, other]) await tab.waitForSelector('[data-view=leaving]');
  await page.waitForFunction(() => document.querySelector('[role=status]').textContent.includes('cannot be reached'));
  assert.equal(await statusOf(token), 200, 'the session is open');
  rig.proxy.passNew();
  for (const tab of [page, other]) await tab.waitForSelector('[data-view=login]');
  assert.equal(await statusOf(token), 401);
  await page.context().close();
});

test('a logout that the server has not heard of is made up for by the next page', async () => {
  const page = await rig.person('gone2', { room: 'exit' });
  const token = await tokenOf(page);
  await page.context().setOffline(true);
  await page.click('[data-logout]');
  await page.waitForSelector('[data-view=leaving]');
  await page.close();
  await page.context().setOffline(false);
  const next = await rig.tab(page.context(), '/room/exit');
  await next.waitForSelector('[data-view=login]');
  assert.equal(await statusOf(token), 401);
  await next.context().close();
});

test('when too much waits to be sent, the next message stays in its box', async () => {
  const page = await rig.person('full', { room: 'full' });
  rig.proxy.refuseSockets();
  await waitForConnection(page, ...away);
  await page.evaluate((userId) => new Promise((resolve, reject) => {
    const opened = indexedDB.open('starling');
    opened.onerror = reject;
    opened.onsuccess = () => {
      const transaction = opened.result.transaction('outbox', 'readwrite');
      for (let i = 1; i <= 1_000; ++i) {
        transaction.objectStore('outbox').put({ clientMessageId: `w-${i}`, userId, owner: 'nobody', roomId: 'elsewhere', content: `${i}`, createdAt: i, state: 'pending' });
      }
      transaction.oncomplete = resolve;
    };
  }), page.user.id);
  await page.reload();
  await page.waitForSelector(composer);
  // What waits has been read once nobody holds, or wants, the lock for it.
  await page.waitForFunction(async () => {
    const { held, pending } = await navigator.locks.query();
    return [...held, ...pending].every(({ name }) => name !== 'starling.');
  });
  await say(page, 'one too many');
  await page.waitForSelector('[data-notice=full]');
  assert.equal(await page.inputValue(composer), 'one too many');
  assert.deepEqual(page.problems, []);
  await page.context().close();
});
