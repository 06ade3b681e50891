#!/usr/bin/env node
// What attackers cost those who behave: node bench/attack.mjs [BUILD [KIND...]]
//
// A hundred members of a room, measured by starling-load in a process of its own, alone, beside each kind
// of attack (tests/e2e/attackers.mjs, another process) and beside all of them, with the echo that bombs need
// and without it, as a server is that is not under test, and alone again: how late deliveries are, from the intended time of sending. BUILD (build-bench) has the server and the load
// generator. Figures are of an idle machine, or of nothing. STARLING_SECONDS (6) is the time of each. STARLING_NICE (0)
// is the attackers' own priority: at 19 they take no processor from the members, who are on this machine only because
// there is no other, and the server still gets all that they send.
import { execFile } from 'node:child_process';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Attack } from '../tests/e2e/attackers.mjs';

const SECONDS = process.env.STARLING_SECONDS ?? '6';
const NICE = Number(process.env.STARLING_NICE ?? 0);
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
      os.setPriority(attack.child.pid, NICE);
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

const ms = (number) => Number(number).toFixed(2).padStart(9);
console.log(`${'beside'.padEnd(16)}      p50       p99     p99.9       max  (ms)  lost  processor, ms`);
async function row(name, kind, echo = true) {
  const { latency_ms: late, lost, cpu_ms: used } = await measured(kind, echo);
  console.log(`${name.padEnd(16)}${ms(late.p50)} ${ms(late.p99)} ${ms(late['p99.9'])} ${ms(late.max)}        ${lost}     ${used.total}  ${JSON.stringify(used.threads)}`);
}
await row('nobody bad');
for (const kind of chosen.length > 0 ? chosen : KINDS) await row(kind, kind);
await row('all', '');
await row('all, no echo', '', false);
await row('nobody bad');
