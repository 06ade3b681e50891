// What people do with the page: sign in, talk, go from room to room, take back what they said, leave.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { badge, composer, goTo, online, password, Rig, rows, say, see } from './harness.mjs';

let rig;
before(async () => {
  rig = await Rig.start();
});
after(() => rig.dispose());

async function finish(...pages) {
  for (const page of pages) {
    assert.deepEqual(page.problems, []);
    await page.context().close();
  }
}

async function signIn(page, form, fields) {
  await page.waitForSelector('[data-view=login]');
  if (form === 'register') await page.getByRole('button', { name: /create an account/i }).click();
  await page.waitForSelector(`[data-view=${form}]`);
  for (const [name, value] of Object.entries(fields)) await page.fill(`[name=${name}]`, value);
  await page.press('[name=password]', 'Enter');
}

test('two people register, chat, and see each other; a reload keeps session and history', async () => {
  const ann = await rig.open({ target: '/room/general' });
  const bob = await rig.open({ target: '/room/general', colorScheme: 'dark' });
  await signIn(ann, 'register', { username: 'ann', email: 'ann@example.org', password });
  await signIn(bob, 'register', { username: 'bob', email: 'bob@example.org', password });
  for (const page of [ann, bob]) {
    await online(page);
    await page.waitForFunction(() => document.querySelectorAll('[data-people] [data-person]').length === 2);
    assert.match(await page.innerText('[data-people]'), /ann[^]*bob/);
  }
  await say(ann, 'Good **morning**!');
  await see(bob, 'Good morning!');
  assert.equal(await bob.innerText('[data-body] strong'), 'morning');
  await say(bob, 'Hello Ann, how are you?\nI have two lines.');
  await see(ann, 'Hello Ann, how are you?\nI have two lines.');
  await bob.press(composer, 'x');
  await ann.waitForFunction(() => document.querySelector('[data-typing]').textContent.includes('bob'));
  await bob.fill(composer, '');
  await ann.waitForFunction(() => !document.querySelector('[data-typing]').textContent.includes('bob'));
  await ann.reload();
  await see(ann, 'Good morning!');
  assert.deepEqual((await rows(ann)).map(({ seq }) => seq), [1, 2]);
  await bob.context().close();
  await ann.waitForFunction(() => document.querySelectorAll('[data-people] [data-person]').length === 2
    && document.querySelectorAll('[data-people] .here').length === 1);
  await finish(ann);
});

test('rooms: unread ones are marked, links and the browser\'s own ways lead there', async () => {
  const writer = await rig.server.user('writer');
  const page = await rig.person('reader', { room: 'north' });
  await page.goto(`${rig.url}/room/south`);
  await online(page);
  await page.waitForSelector('[data-room-link="north"]');
  assert.equal(await badge(page, 'north'), 0);
  await rig.post(writer, 'north', 3);
  await page.waitForFunction(() => document.title === '(3) Starling');
  assert.equal(await badge(page, 'north'), 3);
  await goTo(page, 'north');
  await see(page, 'line 3');
  await page.waitForFunction(() => document.title === 'Starling');
  assert.equal(await badge(page, 'north'), 0);
  await page.goBack();
  await page.waitForURL('**/room/south');
  await page.waitForFunction(() => !document.querySelector('[data-timeline] [data-seq]'));
  await page.goForward();
  await see(page, 'line 3');
  // Leaving: asked for once, then the room is gone from the list, for good.
  await page.click('[data-leave]');
  await page.getByRole('button', { name: 'Leave', exact: true }).click();
  await page.waitForSelector('[data-room-link="north"]', { state: 'detached' });
  await page.goto(`${rig.url}/`);
  await online(page);
  await page.waitForSelector('[data-room-link="south"]');
  assert.equal(await page.$('[data-room-link="north"]'), null);
  await finish(page);
});

test('the line above what is new stays while it is looked at, and the button leads to the newest', async () => {
  const writer = await rig.server.user('writer2');
  const user = await rig.server.user('returner', { password });
  await rig.post(writer, 'busy', 40);
  await rig.server.member(user, 'busy').then((earlier) => earlier.close());
  await rig.post(writer, 'busy', 20);
  const page = await rig.person('returner', { user, room: 'busy' });
  await page.waitForSelector('[data-new-line]');
  const below = await page.$eval('[data-new-line]', (line) => {
    for (let next = line.nextElementSibling; next; next = next.nextElementSibling) if (next.dataset.seq) return Number(next.dataset.seq);
    return 0;
  });
  assert.equal(below, 41);
  const line_y = () => page.$eval('[data-new-line]', (line) => Math.round(line.getBoundingClientRect().top));
  const at = await line_y();
  await rig.post(writer, 'busy', 2, (i) => `still newer ${i}`);
  await see(page, 'still newer 2');
  assert.ok(Math.abs((await line_y()) - at) <= 1);
  await page.click('[data-jump]');
  await page.waitForFunction(() => document.title === 'Starling');
  assert.equal(await badge(page, 'busy'), 0);
  await page.waitForSelector('[data-jump]', { state: 'detached' });
  await finish(page);
});

test('one\'s own message can be taken back, everywhere; others\' cannot', async () => {
  const ann = await rig.person('ann3', { room: 'regret' });
  const bob = await rig.person('bob3', { room: 'regret' });
  await say(ann, 'I should not have said that');
  await see(bob, 'I should not have said that');
  assert.equal(await bob.$('[data-delete]'), null);
  await ann.hover('[data-timeline] [data-seq="1"]');
  await ann.click('[data-seq="1"] [data-delete]');
  await ann.locator('[data-seq="1"]').getByRole('button', { name: 'Delete', exact: true }).click();
  for (const page of [ann, bob]) {
    await page.waitForFunction(() => !document.querySelector('[data-timeline]').textContent.includes('should not'));
  }
  assert.deepEqual(await rig.history(ann.user, 'regret'), []);
  await finish(ann, bob);
});

test('several tabs are in step: messages, drafts, and the end of the session', async () => {
  const page = await rig.person('tabs', { room: 'desk' });
  const other = await rig.tab(page.context(), '/room/desk');
  await online(other);
  await say(page, 'from the first tab');
  await see(other, 'from the first tab');
  await page.fill(composer, 'a draft');
  await other.waitForFunction((box) => document.querySelector(box).value === 'a draft', composer);
  await page.getByRole('button', { name: 'Log out' }).click();
  for (const tab of [page, other]) await tab.waitForSelector('[data-view=login]');
  await page.reload();
  await page.waitForSelector('[data-view=login]');
  await finish(page);
});

test('a room that is entered or left in one tab is entered or left in the others', async () => {
  const page = await rig.person('mover', { room: 'hall' });
  const other = await rig.tab(page.context(), '/room/hall');
  await online(other);
  await page.goto(`${rig.url}/room/attic`);
  await online(page);
  await other.waitForSelector('[data-room-link="attic"]');
  const writer = await rig.server.user('mover2');
  await rig.post(writer, 'attic', 2);
  await other.waitForFunction(() => document.querySelector('[data-room-link="attic"]').textContent.includes('line 2'));
  await page.click('[data-leave]');
  await page.click('[data-leave-yes]');
  for (const tab of [page, other]) await tab.waitForSelector('[data-room-link="attic"]', { state: 'detached' });
  const { session, socket } = await rig.server.session(page.user);
  assert.deepEqual(session.rooms.map(({ roomId }) => roomId), ['hall']);
  socket.close();
  await finish(page);
});

test('a wrong password is said, and a name that is taken; then it goes on', async () => {
  await rig.server.user('eve', { password });
  const page = await rig.open({ target: '/room/general' });
  await signIn(page, 'login', { username: 'eve', password: 'not the password' });
  await page.waitForFunction(() => /do not match/.test(document.querySelector('[role=alert]').textContent));
  await page.getByRole('button', { name: /create an account/i }).click();
  await page.fill('[name=username]', 'Eve');
  await page.fill('[name=email]', 'eve@example.org');
  await page.fill('[name=password]', password);
  await page.press('[name=password]', 'Enter');
  await page.waitForFunction(() => /is taken/.test(document.querySelector('[role=alert]').textContent));
  await page.getByRole('button', { name: /have an account/i }).click();
  await signIn(page, 'login', { username: 'eve', password });
  await online(page);
  await finish(page);
});
