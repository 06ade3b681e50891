// What starling doctor says of a fleet: its database, its broker, servers that are silent.
import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { faketime, LIMIT_MS, run } from '../e2e/harness.mjs';
import { Fleet } from './fleet.mjs';
import { startMariadb } from './mariadb.mjs';

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

test('a database that may lose what it has committed, and clocks that differ, are warnings', async () => {
  const database = await startMariadb({ args: ['--log-bin=log', '--sync-binlog=0'] });
  const env = { STARLING_STORE__URL: database.url };
  const doctor = (more) => run(['doctor', '--data-dir', path.join(database.folder, 'none')], { env: { ...env, ...more } });
  try {
    assert.equal((await run(['migrate', 'up'], { env })).code, 0);
    const lossy = /^warning .*may lose acknowledged messages; cure: innodb_flush_log_at_trx_commit = 1 and, with a binary log, sync_binlog = 1$/;
    const found = async (flush, sync) => {
      await database.query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${flush}; SET GLOBAL sync_binlog = ${sync}`);
      return line((await doctor()).stdout, 'durability');
    };
    assert.match(await found(1, 0), lossy);
    assert.match(await found(2, 1), lossy);
    assert.match(await found(1, 1), /^ok /);
    for (const [away, wanted] of [['+5', /^warning .* (4|5)\d{3} ms apart: .*; cure: let both follow the same time servers/], ['-5', /^warning .* (4|5)\d{3} ms apart/], ['+0', /^ok /]]) {
      const said = await doctor({ LD_PRELOAD: faketime, FAKETIME: away, FAKETIME_DONT_FAKE_MONOTONIC: '1' });
      assert.match(line(said.stdout, 'clock'), wanted);
      assert.equal(said.code, 0, said.stdout);
    }
  } finally {
    await database.dispose();
  }
});
