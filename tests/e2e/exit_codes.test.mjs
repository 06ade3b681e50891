// Every exit code of the program, each by a command that makes it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { run, Server, unshare, within } from './harness.mjs';

const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '../..');
const folder = mkdtempSync(path.join(tmpdir(), 'starling-codes-'));
const file = (name, text) => {
  const full = path.join(folder, name);
  writeFileSync(full, text);
  return full;
};

// Runs the program where the system has no such call, and nothing in /dev.
function without(call, args) {
  const script = `
import os, seccomp, sys
filter = seccomp.SyscallFilter(defaction=seccomp.ALLOW)
filter.add_rule(seccomp.ERRNO(38), sys.argv[1])
filter.load()
os.execv(sys.argv[2], sys.argv[2:])`;
  return run(args, { through: [...unshare('mount', 'mount -t tmpfs tmpfs /dev'), '/usr/bin/python3', '-c', script, call] });
}

// A server that drains and is held up by somebody who neither reads nor hangs up; `signal` began it.
async function draining(signal, then) {
  const server = await Server.start({ config: '[server]\ndrain_deadline_ms = 60000\n' });
  const client = await server.member(await server.user('ann'), 'r');
  try {
    client.socket.pause();
    server.child.kill(signal);
    await within((async () => {
      while (!server.lines.some((line) => line.includes('"draining"'))) await once(server.child.stderr, 'data');
    })(), 'the drain');
    return await then(server);
  } finally {
    client.socket.terminate();
    await server.dispose();
  }
}
const secondSignal = (signal) => draining(signal, async (server) => {
  server.child.kill(signal);
  const [code] = await within(server.ended, 'the end');
  return { code, stderr: '' };
});

test('every exit code is made by what it stands for', async (t) => {
  const server = await Server.start();
  assert.equal(await server.stop(), 0);
  const data = ['--data-dir', path.join(server.folder, 'data')]; // an archive on which no server runs
  const text = file('text', 'neither settings nor a database');
  const serve = ['serve', '--port', '0', '--admin', '127.0.0.1:0', '--data-dir', path.join(folder, 'data')];
  const cases = [
    [0, 'it does what it is told', () => run(['check', file('good.toml', '')])],
    [64, 'a misspelt command', () => run(['serv']), /did you mean 'serve'/],
    [65, 'a copy that is none', () => run(['restore', text, '--replace', ...data]), /text/],
    [66, 'a copy that is not there', () => run(['restore', path.join(folder, 'none'), '--replace', ...data]), /none/],
    [67, 'a user who is not there', () => run(['user', 'show', 'nobody', ...data]), /no user nobody/],
    [69, 'a server that does not run', () => run(['reload', ...data]), /no server runs/],
    [70, 'no random numbers', () => without('getrandom', serve), /no random numbers/],
    [70, 'the same of another command', () => without('getrandom', ['user', 'list', ...data]), /no random numbers/],
    [71, 'no io_uring', () => without('io_uring_setup', serve), /io_uring/],
    [73, 'a copy that is there', () => run(['backup', text, ...data]), /text/],
    [74, 'a copy where no file can be', () => run(['backup', path.join(text, 'copy'), ...data]), /copy/],
    [75, 'a server that drains', () => draining('SIGTERM', (one) => run(['status', '--data-dir', path.join(one.folder, 'data')]))],
    [78, 'settings that are none', () => run(['check', text]), /text:1:\d+: error: /],
    [130, 'a second SIGINT', () => secondSignal('SIGINT')],
    [143, 'a second SIGTERM', () => secondSignal('SIGTERM')],
  ];
  for (const [code, what, how, said] of cases) {
    await t.test(`${code}: ${what}`, async () => {
      const ended = await how();
      assert.equal(ended.code, code, ended.stderr);
      if (said) assert.match(ended.stderr, said);
    });
  }
  const made = [...new Set(cases.map(([code]) => code))];
  const known = [...readFileSync(path.join(root, 'src/server/exit_code.hpp'), 'utf8').matchAll(/^ +exit_\w+ = (\d+),/gm)].map((found) => Number(found[1]));
  assert.deepEqual(made, known, 'the table has every code');
  const table = /\| exit code \|.*\n[^\n]*\n((?:\|.*\n)+)/.exec(readFileSync(path.join(root, 'docs/operations.md'), 'utf8'))[1];
  const told = table.split('\n').flatMap((row) => row.split('|')[1]?.match(/\d+/g) ?? []).map(Number);
  assert.deepEqual(told, known, 'and so has the handbook');
  await server.dispose();
});
