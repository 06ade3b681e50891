// What starling doctor says of a fleet: its database, its broker, servers that are silent.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { LIMIT_MS, run } from '../e2e/harness.mjs';
import { Fleet } from './fleet.mjs';

const line = (text, subject) => text.split('\n').find((one) => one.slice(9).startsWith(`${subject} `)) ?? `no ${subject} in ${text}`;

test('a fleet that is well; an archive that is not migrated; a server that says nothing; a broker that is away', async () => {
  const fleet = await Fleet.start({ servers: 2 });
  try {
    const [server, other] = fleet.servers;
    const doctor = (env) => run(['doctor', '--config', path.join(server.folder, 'starling.toml'), '--data-dir', path.join(server.folder, 'data')], { env });
    const until = async (subject, wanted) => {
      let said = '';
      const found = (one) => one.slice(9).startsWith(`${subject} `) && wanted.test(one);
      for (const end = Date.now() + 2 * LIMIT_MS; !said.split('\n').some(found); said = (await doctor()).stdout) {
        assert.ok(Date.now() < end, `never ${wanted}: ${said}`);
      }
    };
    await fleet.together();
    const well = await doctor();
    assert.equal(well.code, 0, well.stdout);
    for (const [subject, what] of [['archive', /answers and is migrated/], ['bus', /the broker answers/], ['clock', /\d+ ms apart/], ['server', /starling/]]) {
      assert.match(line(well.stdout, subject), /^ok /);
      assert.match(line(well.stdout, subject), what);
    }
    assert.match(line(well.stdout, 'durability'), /^(ok|warning) /);
    await fleet.database.database('empty_one');
    const empty = await doctor({ STARLING_STORE__URL: fleet.database.url.replace(/[^/]*$/, 'empty_one') });
    assert.equal(empty.code, 78, empty.stdout);
    assert.match(line(empty.stdout, 'archive'), /^FAILED .*not migrated; cure: .*starling migrate up/);
    // Signals say who is there, and come later than the first beat.
    for (const end = Date.now() + LIMIT_MS; !(await run(['status', '--data-dir', path.join(server.folder, 'data')])).stdout.includes('  alive  ');) assert.ok(Date.now() < end, 'the other is not heard');
    other.child.kill('SIGSTOP');
    await until('servers', /^warning .*says nothing.*; cure: /);
    other.child.kill('SIGCONT');
    server.cables.broker.cut();
    await until('bus', /^warning .*by the archive; cure: start the broker/);
    await until('server', /^warning .*its broker is away.*; cure: /);
  } finally {
    await fleet.dispose();
  }
});
