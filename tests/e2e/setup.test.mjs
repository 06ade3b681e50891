// tools/setup, tools/web and tools/run on machines that they have not seen: other programs stand in for
// those that they would call.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { within } from './harness.mjs';

const tools = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../tools');
const debian = /^ID=debian$/m.test(readFileSync('/etc/os-release', 'utf8')) ? {} : { skip: 'asks for packages on Debian only' };

// Runs a command where nothing but a few plain programs and `programs` (name: shell script) exist.
async function runWith(programs, command, args = [], cwd = undefined) {
  const folder = mkdtempSync(path.join(tmpdir(), 'starling-setup-'));
  for (const name of ['bash', 'cat', 'dirname', 'env', 'find', 'grep', 'mkdir', 'mv', 'sed', 'touch']) {
    symlinkSync(`/usr/bin/${name}`, path.join(folder, name));
  }
  const calls = path.join(folder, 'calls');
  writeFileSync(calls, '');
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(path.join(folder, name), `#!/usr/bin/bash\n${text.replaceAll('CALLS', calls)}\n`, { mode: 0o755 });
  }
  const child = spawn(command, args, { cwd, env: { PATH: folder }, stdio: ['ignore', 'pipe', 'pipe'] });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (data) => (stdout += data));
  child.stderr.on('data', (data) => (stderr += data));
  const [code] = await within(once(child, 'close'), `the end of ${command}`);
  const called = readFileSync(calls, 'utf8');
  rmSync(folder, { recursive: true });
  return { code, stdout, stderr, calls: called };
}

const setup = (programs, what = 'run') => runWith(programs, path.join(tools, 'setup'), [what]);

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

test('the browser client asks for node and npm alone', debian, async () => {
  const { code, stderr } = await setup({ 'dpkg-query': nothing_installed, id: user, 'apt-get': apt_get }, 'web');
  assert.equal(code, 1);
  assert.match(stderr, /^setup: not root and no sudo; ask root for: apt-get install nodejs npm$/m);
});

// A source tree with the scripts and a client to build; what stands in for npm, meson and ninja leaves its traces.
function tree() {
  const root = mkdtempSync(path.join(tmpdir(), 'starling-tree-'));
  mkdirSync(path.join(root, 'tools'));
  for (const name of ['run', 'setup', 'web']) cpSync(path.join(tools, name), path.join(root, 'tools', name));
  mkdirSync(path.join(root, 'web/src'), { recursive: true });
  const [lock, source] = [path.join(root, 'web/package-lock.json'), path.join(root, 'web/src/main.ts')];
  for (const file of [lock, source]) writeFileSync(file, '');
  const made = (name) => path.join(root, 'web/node_modules', name);
  const aged = (file, seconds) => utimesSync(file, new Date(), new Date(Date.now() - seconds * 1_000));
  return {
    root,
    edit: () => [aged(made('.built'), 10), aged(source, 5)],
    lock_anew: () => [aged(made('.package-lock.json'), 10), aged(lock, 5)],
  };
}
const npm = `
echo "npm $1" >>CALLS
case "$*" in
  ci*) mkdir -p node_modules; : >node_modules/.package-lock.json ;;
  *build) mkdir -p dist; : >dist/index.html ;;
esac`;

test('the browser client is built where its sources or packages have changed, and only then', async () => {
  const { root, edit, lock_anew } = tree();
  const build = async (programs = {}) => {
    const { code, stderr, calls } = await runWith({ node: '', npm, ...programs }, path.join(root, 'tools/web'));
    assert.equal(code, programs.npm ? 1 : 0, stderr);
    return calls;
  };
  assert.equal(await build(), 'npm ci\nnpm run\n');
  assert.equal(await build(), '');
  const failing = npm.replace(': >dist/index.html', 'exit 1');
  edit();
  assert.equal(await build({ npm: failing }), 'npm run\n');
  assert.equal(await build(), 'npm run\n', 'a build that failed counts for nothing');
  assert.equal(await build(), '');
  rmSync(path.join(root, 'web/dist'), { recursive: true });
  assert.equal(await build(), 'npm run\n');
  lock_anew();
  assert.match(await build(), /^npm ci\n/);
  rmSync(root, { recursive: true });
});

test('without npm the server is built and run, and says what is left out', debian, async () => {
  const { root } = tree();
  const asked = await setup({ 'dpkg-query': nothing_installed, id: 'echo 0', 'apt-get': apt_get });
  const installed = asked.stderr.match(/packages: (.*)/)[1].split(' ').map((name) => `ii ${name}`).join('\\n');
  const ninja = `mkdir -p build/src/server; printf '#!/usr/bin/bash\\necho "served $*"\\n' >build/src/server/starling; chmod +x build/src/server/starling`;
  const programs = { 'dpkg-query': `printf '${installed}\\n'`, id: user, meson: '', ninja, chmod: '/usr/bin/chmod "$@"' };
  const without = await runWith(programs, path.join(root, 'tools/run'), ['--port', '9000']);
  assert.deepEqual([without.code, without.stdout], [0, 'served serve --data-dir data --port 9000\n']);
  assert.match(without.stderr, /ask root for: apt-get install nodejs npm\nrun: the browser client is not built/);
  const whole = await runWith({ ...programs, node: '', npm }, path.join(root, 'tools/run'));
  assert.equal(whole.calls, 'npm ci\nnpm run\n');
  assert.ok(!whole.stderr.includes('not built'), whole.stderr);
  rmSync(root, { recursive: true });
});
