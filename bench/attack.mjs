#!/usr/bin/env node
// What attackers cost those who behave: node bench/attack.mjs [BUILD [KIND...]]
//
// A hundred members of a room, measured by starling-load in a process of its own: alone, beside all attacks
// (tests/e2e/attackers.mjs, another process) with the echo that bombs need and without it, as a server is that is not
// under test, and beside each KIND that is named ("each": all of them). How late deliveries are, from the intended time
// of sending; rounds in turn, and the median of each round's ratio to the one that was quiet. BUILD (build-bench) has
// the server and the load generator. Figures are of an idle machine, or of nothing. STARLING_SECONDS (10) is the time of
// each run, STARLING_ROUNDS (3) their number.
//
// Attackers are in the scheduler's class for the idle (sched(7)): they send whatever the processors have time for, and
// take none of it from the members, who are on this machine only because there is no other. What the server and the
// kernel spend on them is not lessened by that. STARLING_SHARE=1 lets them take their share.
import { execFile, execFileSync } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { Attack } from '../tests/e2e/attackers.mjs';

const SECONDS = process.env.STARLING_SECONDS ?? '10';
const ROUNDS = Number(process.env.STARLING_ROUNDS ?? 3);
const MEMBERS = 100;
const RATE = 50; // messages a second: 5,000 deliveries
const ADDRESS_CONNECTIONS = 150;
const KINDS = ['slow', 'half', 'nobody', 'endless', 'floods', 'garbage', 'bombs', 'logins', 'registrations', 'connections', 'requests'];

const [build = 'build-bench', ...chosen] = process.argv.slice(2);
process.env.STARLING = path.resolve(build, 'src/server/starling');
const { Server } = await import('../tests/e2e/harness.mjs');
const config = (echo) => `[http]
head_timeout_ms = 1000
body_timeout_ms = 2000
[test]
echo = ${echo}
[auth]
mode = "open"
deadline_ms = 1500
[limits]
refusals = 500
address_requests_per_second = 500
address_request_burst = 1000
address_connections = ${ADDRESS_CONNECTIONS}
room_messages_per_second = 0
messages_per_second = ${2 * RATE}
message_burst = ${2 * RATE}
user_messages_per_second = ${2 * RATE}
user_message_burst = ${2 * RATE}
fragments = 64
private_buffer_bytes = 65536
`;

// `kind`: undefined for nobody, '' for all.
async function measured(kind, echo) {
  const server = await Server.start({ config: config(echo) });
  let attack;
  try {
    if (kind !== undefined) {
      attack = new Attack({ port: server.port, auth: { userId: 99_999 }, most_of_address: ADDRESS_CONNECTIONS, kind });
      if (!process.env.STARLING_SHARE) execFileSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(attack.child.pid)]);
    }
    const { stdout } = await promisify(execFile)(path.resolve(build, 'bench/load/starling-load'),
      ['open', '--pid', String(server.child.pid), '--port', String(server.port), '--members', String(MEMBERS), '--rate', String(RATE), '--seconds', SECONDS])
      .catch((error) => error); // 1: something was lost
    return JSON.parse(stdout);
  } finally {
    attack?.end();
    await server.dispose();
  }
}

const beside = [['nobody bad'], ['all', ''], ['all, no echo', '', false],
  ...(chosen.includes('each') ? KINDS : chosen).map((kind) => [kind, kind])];
const ms = (number) => Number(number).toFixed(2).padStart(9);
const median = (numbers) => [...numbers].sort((a, b) => a - b)[numbers.length >> 1];

console.log(`${'beside'.padEnd(16)}      p50       p99     p99.9       max  (ms)  lost  processor, ms`);
const p99 = new Map(beside.map(([name]) => [name, []]));
for (let round = 0; round < ROUNDS; ++round) {
  for (const [name, kind, echo = true] of beside) {
    const { latency_ms: late, lost, cpu_ms: used } = await measured(kind, echo);
    p99.get(name).push(late.p99);
    console.log(`${name.padEnd(16)}${ms(late.p50)} ${ms(late.p99)} ${ms(late['p99.9'])} ${ms(late.max)}        ${lost}     ${used.total}  ${JSON.stringify(used.threads)}`);
  }
}
console.log(`\n${'p99'.padEnd(16)}   median    to quiet (least and most of ${ROUNDS} rounds)`);
const quiet = p99.get('nobody bad');
for (const [name, each] of p99) {
  const ratios = each.map((late, round) => late / quiet[round]);
  console.log(`${name.padEnd(16)}${ms(median(each))} ${ms(median(ratios))} (${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)})`);
}
