// A database that is there again as it was some time ago: what was acknowledged since then is gone. All
// are told, and nobody mixes two histories.
import assert from 'node:assert/strict';
import { cpSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { within } from '../e2e/harness.mjs';
import { Random } from '../web/random.mjs';
import { Fleet } from './fleet.mjs';
import { Load } from './load.mjs';

const TOLD_MS = 5_000;
const random = Random.fromEnvironment();
console.log(`STARLING_SEED=${random.seed}`);

let fleet;
let load;
before(async () => {
  fleet = await Fleet.start();
  await fleet.together();
});
after(async () => {
  await load?.end();
  await fleet?.dispose();
});

const epoch = async () => Number((await fleet.database.query("SELECT value FROM meta WHERE name = 'epoch'", 'starling'))[0][0]);
const copy = () => path.join(fleet.database.folder, 'copy');

async function put_back() {
  const before = Math.max(...load.members.map((member) => member.epoch));
  await fleet.database.stop();
  rmSync(fleet.database.data, { recursive: true });
  cpSync(copy(), fleet.database.data, { recursive: true });
  await fleet.database.run();
  await within((async () => {
    for (;;) {
      const now = await epoch();
      if (now > before && load.members.every((member) => member.epoch === now)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  })(), 'everybody is told of the new epoch', TOLD_MS);
}

test('the database is put back to an older copy under load, twice to the same', { timeout: 300_000 }, async () => {
  load = await Load.start(fleet, { people: 12, rooms: 3, random });
  load.talk(100);
  await load.more(200);
  await fleet.database.stop();
  cpSync(fleet.database.data, copy(), { recursive: true });
  await fleet.database.run();
  load.goes_back = true;
  for (let times = 0; times < 2; ++times) {
    await load.more(200);
    await put_back();
    assert.ok(await load.forget_lost() >= 100, 'what came after the copy is gone');
  }
  await load.more(200, 'messages go on afterwards');
  await load.settle();
  await load.compare();
  const raised = await Promise.all(fleet.servers.map((server) => fleet.metric(server, 'starling_store_lost_commits_total', () => true)));
  assert.equal(raised.reduce((sum, one) => sum + one), 2, 'of all who notice, one raises it');
  const told = fleet.servers.flatMap((server) => server.lines).join('\n').match(/the archive lost commits that were seen.*/g) ?? [];
  assert.ok(told.length >= 2 && told.every((line) => /seq/.test(line)), told.join('\n'));
});
