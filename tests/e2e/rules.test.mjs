// tools/conformance: this server keeps all rules.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { rules, watched } from '../rules/rules.mjs';
import { Server, within } from './harness.mjs';

const kit = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../tools/conformance');
let server;
before(async () => (server = await Server.start({ config: '[auth]\ndeadline_ms = 3000\n' })));
after(() => server.dispose());

async function conformance(...args) {
  const child = spawn(kit, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  const [code] = await within(once(child, 'close'), 'the end of tools/conformance', 120_000);
  return { code, said };
}

test('every rule holds here', async () => {
  const { code, said } = await conformance(server.url);
  assert.equal(code, 0, said);
  assert.match(said, new RegExp(`^${rules.length + watched.length} rules hold, 0 broken$`, 'm'));
});

test('who asks for nothing, or for a server that is not there, is told so', async () => {
  assert.equal((await conformance()).code, 64);
  const nowhere = await conformance('http://127.0.0.1:9');
  assert.deepEqual([nowhere.code, /^conformance: http:\/\/127.0.0.1:9: /.test(nowhere.said)], [69, true], nowhere.said);
});
