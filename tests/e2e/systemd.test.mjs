// The units as they are shipped: how exposed they leave the server, and that it lives under what
// they forbid. A machine whose first process is not systemd cannot start them.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { test } from 'node:test';
import { run, Server } from './harness.mjs';
import { journal } from './journal.mjs';

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

// It serves, talks, reloads, copies itself and drains, through a program that lets it do less; `kept`: as a service,
// whose standard error is the journal.
async function lives(through, kept) {
  const server = await Server.start({ through: [...(kept?.through ?? []), ...through], log: kept?.log, args: ['--threads', '2'], config: '[server]\npin = true\n' });
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
    await kept?.told.until((line) => line.includes('"message":"stopped"'), 'the last line');
    const complaints = server.lines.filter((line) => /"level":"(warning|error)"|"PRIORITY":"[34]"/.test(line));
    assert.deepEqual(complaints, []);
    assert.equal(server.lines.some((line) => line.includes('"level"')), !kept);
  } finally {
    await server.dispose();
  }
}

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
  await lives(['/usr/bin/python3', '-c', script, sets.join('|')], await journal(t));
});

test('the server lives with the seccomp profile for containers, which forbids namespaces and mounts', async (t) => {
  if (process.env.UBSAN_OPTIONS || process.env.TSAN_OPTIONS) {
    t.skip('a sanitizer makes system calls of its own');
    return;
  }
  // As a container's runtime reads it.
  const script = `
import ctypes, errno, json, os, seccomp, sys
profile = json.load(open(sys.argv[1]))
actions = {"SCMP_ACT_ALLOW": lambda rule: seccomp.ALLOW, "SCMP_ACT_ERRNO": lambda rule: seccomp.ERRNO(rule.get("errnoRet", 1))}
filter = seccomp.SyscallFilter(defaction=seccomp.ERRNO(profile["defaultErrnoRet"]))
for rule in profile["syscalls"]:
    args = [seccomp.Arg(one["index"], seccomp.MASKED_EQ, one["value"], one["valueTwo"]) for one in rule.get("args", [])]
    for name in rule["names"]:
        try: filter.add_rule(actions[rule["action"]](rule), name, *args)
        except Exception: pass
filter.load()
libc = ctypes.CDLL(None, use_errno=True)
def refused(call, *args, error=errno.EPERM):
    assert getattr(libc, call)(*args) == -1 and ctypes.get_errno() == error, (call, ctypes.get_errno())
refused("unshare", 0x10000000)
refused("mount", b"none", b"/mnt", b"tmpfs", 0, None)
refused("ptrace", 0, 0, 0, 0)
refused("syscall", 56, 0x10000000 | 17, 0, 0, 0, 0)  # clone, into a namespace of users
refused("syscall", 435, 0, 0, error=errno.ENOSYS)    # clone3
os.execv(sys.argv[2], sys.argv[2:])`;
  await lives(['/usr/bin/python3', '-c', script, path.join(folder, '../containers/seccomp.json')]);
});
