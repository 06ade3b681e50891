// What a member who says nothing costs the server.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { Server } from './harness.mjs';

const kilobytes = (file, name) => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(readFileSync(file, 'utf8'))[1]);

// Members of one room, some at a time: their welcome takes buffers, whose number must not matter here.
async function add(server, members, count) {
  const end = members.length + count;
  const lane = async () => {
    while (members.length + open < end) {
      ++open;
      const member = await server.member(await server.user(`idle-${members.length + open}-${Math.random()}`), 'hall');
      --open;
      members.push(member);
    }
  };
  let open = 0;
  await Promise.all(Array.from({ length: 8 }, lane));
  for (const member of members) await member.settle();
}

test('2,000 more idle members of a room cost less than 750 bytes each', async (t) => {
  // One shard: each further one knows every member too, so the price would be that of the machine's cores.
  const server = await Server.start({ args: ['--threads', '1'], config: '[auth]\nregistrations_per_hour = 0\n[limits]\naddress_requests_per_second = 0\n' });
  try {
    const process = `/proc/${server.child.pid}`;
    if (kilobytes(`${process}/status`, 'VmSize') > 1e9) {
      t.skip('a sanitizer has memory of its own');
      return;
    }
    const members = [];
    // The first ones also touch what all share: receive buffers, the rings' entries.
    await add(server, members, 1_000);
    const before = kilobytes(`${process}/smaps_rollup`, 'Private_Dirty');
    await add(server, members, 2_000);
    const each = ((kilobytes(`${process}/smaps_rollup`, 'Private_Dirty') - before) * 1024) / 2_000;
    t.diagnostic(`${Math.round(each)} bytes for each idle member`);
    assert.ok(each > 100 && each < 750, `${each} bytes`);
    for (const member of members) member.socket.terminate();
  } finally {
    await server.dispose();
  }
});
