// tools/setup on machines that it has not seen: other programs stand in for those that it would call.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { within } from './harness.mjs';

const script = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../tools/setup');
const debian = /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8')) ? {} : { skip: 'asks for packages on Debian only' };

// Runs `tools/setup run` where nothing but a few plain programs and `programs` (name: shell script) exist.
async function setup(programs) {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-setup-'));
  for (const name of ['bash', 'cat', 'dirname', 'env', 'grep', 'sed']) symlinkSync(`/usr/bin/${name}`, path.join(folder, name));
  const calls = path.join(folder, 'calls');
  writeFileSync(calls, '');
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(path.join(folder, name), `#!/usr/bin/bash\n${text.replaceAll('CALLS', calls)}\n`, { mode: 0o755 });
  }
  const child = spawn(script, ['run'], { env: { PATH: folder }, stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (data) => (stderr += data));
  const [code] = await within(once(child, 'close'), 'the end of tools/setup');
  return { code, stderr, calls: readFileSync(calls, 'utf8') };
}

const user = 'echo 1000';
const nothing_installed = 'true';
const apt_get = 'echo "${DEBIAN_FRONTEND:-asks} apt-get $*" >>CALLS';

test('where nothing is missing, setup is silent and calls nobody', async () => {
  const asked = await setup({ 'dpkg-query': nothing_installed, id: 'echo 0', 'apt-get': apt_get });
  const packages = asked.stderr.match(/packages: (.*)/)?.[1].split(' ') ?? [];
  const all = packages.map((name) => `ii ${name}`).join('\\n');
  const { code, stderr, calls } = await setup({ 'dpkg-query': `printf '${all}\\n'`, id: user, 'apt-get': apt_get });
  assert.ok(packages.includes('liburing-dev'), asked.stderr);
  assert.deepEqual([code, stderr, calls], [0, '', '']);
});

test('without dpkg, setup says what to do', async () => {
  const { code, stderr } = await setup({});
  assert.equal(code, 1);
  assert.match(stderr, /^setup: this is no Debian.*docs\/dependencies\.md/m);
});

test('who may not install is told what to ask for', debian, async () => {
  const { code, stderr, calls } = await setup({ 'dpkg-query': nothing_installed, id: user, 'apt-get': apt_get });
  assert.equal(code, 1);
  assert.match(stderr, /^setup: not root and no sudo; ask root for: apt-get install g\+\+ .*liburing-dev/m);
  assert.equal(calls, '');
});

test('through sudo, which drops variables, packages are installed without questions', debian, async () => {
  const sudo = 'exec env -i PATH="$PATH" "$@"';
  const { code, calls } = await setup({ 'dpkg-query': nothing_installed, id: user, sudo, 'apt-get': apt_get });
  assert.equal(code, 0);
  assert.match(calls, /^noninteractive apt-get install -y .*liburing-dev/m);
});
