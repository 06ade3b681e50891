// The units as they are shipped: how exposed they leave the server, and that it lives under what
// they forbid. A machine whose first process is not systemd cannot start them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { run, Server } from './harness.mjs';

const folder = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../tools/systemd');
const unit = (name) => readFileSync(path.join(folder, name), 'utf8');

test('the units leave the server an exposure of at most 1.5', () => {
  for (const name of ['starling.service', 'starling@.service']) {
    const report = execFileSync('systemd-analyze', ['security', '--offline=true', '--no-pager', path.join(folder, name)], { encoding: 'utf8' });
    const exposure = Number(/Overall exposure level for \S+: ([\d.]+)/.exec(report)[1]);
    assert.ok(exposure <= 1.5, `${name}: ${exposure}`);
  }
});

test('the two services differ in port and folder only, and start what the program has', async () => {
  const one = unit('starling.service');
  assert.equal(unit('starling@.service').replaceAll(/ on port %i|\/%i| --port %i --admin 127\.0\.0\.1:1%i/g, ''), one);
  const help = (await run(['serve', '--help'])).stdout;
  for (const [flag] of one.matchAll(/--[a-z-]+/g)) assert.ok(help.includes(flag), flag);
  assert.ok(/^Type=notify$/m.test(one) && /^WatchdogSec=/m.test(one));
  execFileSync('systemd-sysusers', ['--dry-run', path.join(folder, 'starling.sysusers')]);
  assert.deepEqual(readdirSync(folder).sort(), ['starling.service', 'starling.socket', 'starling.sysusers', 'starling@.service']);
});

test('the server lives with the system calls that the unit permits', async (t) => {
  if (process.env.UBSAN_OPTIONS || process.env.TSAN_OPTIONS) {
    t.skip('a sanitizer makes system calls of its own');
    return;
  }
  const sets = [...unit('starling.service').matchAll(/^SystemCallFilter=(.*)$/gm)].map((found) => found[1]);
  const script = `
import os, re, seccomp, subprocess, sys
def expand(names):
    calls = set()
    for name in names:
        if not name.startswith("@"):
            calls.add(name)
            continue
        text = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager", name], capture_output=True, text=True, check=True).stdout
        lines = [line.strip() for line in text.splitlines()[1:]]
        calls |= expand(line for line in lines if line and not line.startswith("#"))
    return calls
allowed = set()
for rule in sys.argv[1].split("|"):
    if rule.startswith("~"): allowed -= expand(rule[1:].split())
    else: allowed |= expand(rule.split())
assert "io_uring_enter" in allowed and "mount" not in allowed
filter = seccomp.SyscallFilter(defaction=seccomp.ERRNO(1))
for call in allowed | {"execve"}:
    try: filter.add_rule(seccomp.ALLOW, call)
    except Exception: pass
filter.load()
os.execv(sys.argv[2], sys.argv[2:])`;
  const server = await Server.start({ through: ['/usr/bin/python3', '-c', script, sets.join('|')], args: ['--threads', '2'], config: '[server]\npin = true\n' });
  try {
    const ann = await server.user('ann', { password: 'a long password' });
    const [one, other] = [await server.member(ann, 'r'), await server.member(ann, 'r')];
    one.send({ type: 'chat_message', roomId: 'r', content: 'hello', clientMessageId: '1' });
    await other.next('chat_message');
    await one.next('message_sent');
    const data = path.join(server.folder, 'data');
    assert.equal((await run(['reload', '--data-dir', data])).code, 0);
    assert.equal((await run(['backup', path.join(server.folder, 'copy'), '--data-dir', data])).code, 0);
    assert.equal(await server.stop(), 0);
    const complaints = server.lines.filter((line) => /"level":"(warning|error)"/.test(line));
    assert.deepEqual(complaints, []);
  } finally {
    await server.dispose();
  }
});
