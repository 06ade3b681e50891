// Manuals and completions, which are printed from the program's tables: read by those that they are for.
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { binary, run } from './harness.mjs';

const reference = (page) => execFileSync(path.join(path.dirname(binary), '../../tools/reference'), [page], { encoding: 'utf8' });

// The commands that help names, those of other commands too.
async function commands() {
  const named = async (words) => [...(await run([...words, '--help'])).stdout.matchAll(/^(?:[A-Z]\w+ +| {2,8})([a-z][a-z-]+) {2,}[A-Z]/gm)].map(([, name]) => [...words, name]);
  const first = await named([]);
  const second = await Promise.all(first.map(async (words) => ((await run([...words, '--help'])).stdout.includes('<command>') ? named(words) : [])));
  return first.flatMap((words, i) => (second[i].length > 0 ? second[i] : [words]));
}

test('the manual pages are clean for man, and tell of every command and key', async () => {
  for (const page of ['starling.8', 'starling.toml.5']) {
    const shown = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-P-cbou', '-rLL=78n'], { input: reference(page), encoding: 'utf8' });
    assert.deepEqual([shown.status, shown.stderr], [0, ''], page);
    const text = shown.stdout.replace(/\u2010|\u2212/g, '-');
    if (page === 'starling.8') {
      const all = await commands();
      assert.ok(all.length > 15, `${all}`);
      for (const words of all) assert.ok(text.includes(`starling ${words.join(' ')}`), words.join(' '));
    } else {
      const keys = Object.keys(JSON.parse((await run(['config', 'show', '--json'])).stdout));
      for (const key of keys) assert.match(text, new RegExp(`^ +${key.split('.')[1]} = `, 'm'), key);
    }
  }
});

test('bash completes commands, options, choices and files', async () => {
  const { stdout: script } = await run(['completion', 'bash']);
  const completed = (...words) => {
    const line = `${script}\nCOMP_WORDS=(starling ${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length}; _starling; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return execFileSync('bash', ['--norc', '-c', line], { encoding: 'utf8', cwd: '/usr' }).trim().split('\n');
  };
  assert.deepEqual(completed('serv'), ['serve']);
  assert.deepEqual(completed('config', '').sort(), ['--help', 'default', 'show']);
  assert.deepEqual(completed('config', 'sh'), ['show']);
  assert.deepEqual(completed('config', 'show', '--o'), ['--origin']);
  assert.deepEqual(completed('log-level', 'w'), ['warning']);
  assert.deepEqual(completed('serve', '--auth', 't'), ['token']);
  assert.deepEqual(completed('serve', '--data-dir', 'sha'), ['share']);
  assert.deepEqual(completed('backup', 'sha'), ['share']);
  for (const words of await commands()) assert.ok(completed(...words, '--he').includes('--help'), words.join(' '));
  for (const shell of ['zsh', 'fish']) {
    const { code, stdout } = await run(['completion', shell]);
    assert.equal(code, 0);
    for (const [name] of await commands()) assert.ok(stdout.includes(name), `${shell}: ${name}`);
  }
});
