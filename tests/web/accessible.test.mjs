// For everybody: axe finds nothing, everything has its place from 320 px on, and hands need no mouse.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { layoutFaults, online, painted, phone, Rig, violations } from './harness.mjs';
import { fillScene } from './scene.mjs';

let rig;
let scene;
before(async () => {
  rig = await Rig.start();
  scene = await fillScene(rig.server);
});
after(() => rig.dispose());

const settings = {
  light: {},
  dark: { colorScheme: 'dark' },
  mobile: phone,
  RTL: { query: '?locale=ar-XB' },
  'forced colours': { forcedColors: 'active' },
};

// Every state that the page can be in for long, and how to get there.
const states = {
  'empty room': async (page) => {
    await page.goto(`${rig.url}/room/empty${page.query}`);
    await online(page);
    await page.waitForSelector('[data-empty]');
  },
  'full room': async (page) => {
    await page.goto(`${rig.url}/room/general${page.query}`);
    await online(page);
    await page.waitForSelector('[data-timeline] [data-seq="15"]');
  },
  switcher: async (page) => {
    await page.keyboard.press('Control+k');
    await page.waitForSelector('[data-switcher]');
  },
  'help sheet': async (page) => {
    await page.keyboard.press('Escape');
    await page.waitForSelector('[data-switcher]', { state: 'hidden' });
    await page.focus('[data-timeline] [tabindex="0"]');
    await page.keyboard.press('?');
    await page.waitForSelector('[data-help]');
  },
};

for (const [name, { query = '', ...options }] of Object.entries(settings)) {
  test(`axe finds nothing: ${name}`, async () => {
    const stranger = await rig.open({ ...options, target: `/${query}` });
    await stranger.waitForSelector('[data-view=login]');
    const found = (await violations(stranger)).map((line) => `login: ${line}`);
    await stranger.context().close();
    const page = await rig.person('Sam', { user: scene.me, query, ...options });
    page.query = query;
    for (const [state, enter] of Object.entries(states)) {
      await enter(page);
      await painted(page);
      found.push(...(await violations(page)).map((line) => `${state}: ${line}`));
    }
    assert.deepEqual(found, []);
    assert.deepEqual(page.problems, []);
    await page.context().close();
  });
}

// The same page, loaded anew at each width: what is open depends on the width that it begins with.
for (const [kind, widths] of Object.entries({ phones: [320, 375], desks: [768, 1280, 1920] })) {
  for (const query of ['', '?locale=ar-XB', '?locale=en-XA']) {
    test(`everything has its place on ${kind}, ${query || 'in English'}`, async () => {
      const small = kind === 'phones';
      const sizes = widths.map((width) => ({ width, height: small ? 568 : 800 }));
      const page = await rig.person('Sam', { user: scene.me, query, viewport: sizes[0], isMobile: small, hasTouch: small });
      for (const size of sizes) {
        await page.setViewportSize(size);
        await page.reload();
        await page.waitForSelector('[data-timeline] [data-seq="15"]');
        assert.deepEqual((await layoutFaults(page)).map((fault) => `${size.width} px: ${fault}`), []);
      }
      await page.context().close();
    });
  }
}
