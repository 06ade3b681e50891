// tools/conformance: this server keeps all rules, and one that breaks some is caught at just those.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Liar } from '../rules/liar.mjs';
import { rules, watched } from '../rules/rules.mjs';
import { judge } from '../rules/run.mjs';
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

// What holds back one frame until the next has gone.
function swapping() {
  let held;
  return (frame) => {
    if (held) {
      const both = [frame, held];
      held = undefined;
      return both;
    }
    if (frame.type === 'chat_message' && frame.seq === 3 && !frame.deleted) {
      held = frame;
      return [];
    }
    return [frame];
  };
}

// What each lie breaks: just that, or, where the lie is met in many ways, at least that.
const lies = [
  { lie: 'tells the truth', how: {}, just: [] },
  { lie: 'has another code', just: ['commands.3'],
    how: { frames: () => (frame) => [frame.code === 'not_in_room' ? { ...frame, code: 'forbidden' } : frame] } },
  { lie: 'forgets that it knew a message', just: ['promise.3', 'rest.3'],
    how: { frames: () => (frame) => [frame.type === 'message_sent' ? { ...frame, duplicate: false } : frame] } },
  { lie: 'closes without saying why', just: ['dialects.4', 'identity.3', 'identity.6'], how: { close: () => 1000 } },
  { lie: 'says more than it describes', just: ['form.1'],
    how: { answer: (status, body) => [status, body.replace('"isOnline"', '"shoeSize":43,"isOnline"')] } },
  { lie: 'drops an event', least: ['order.1', 'promise.1', 'promise.4', 'promise.5'],
    how: { frames: () => (frame) => (frame.type === 'chat_message' && frame.seq === 7 ? [] : [frame]) } },
  { lie: 'tells an event twice', least: ['order.1', 'promise.1', 'promise.5'],
    how: { frames: () => (frame) => (frame.type === 'chat_message' && frame.seq === 7 ? [frame, frame] : [frame]) } },
  { lie: 'tells events in another order', least: ['order.1', 'promise.1'], how: { frames: swapping } },
];

describe('a server that breaks rules is caught at those', { concurrency: 4 }, () => {
  for (const { lie, how, just, least = just } of lies) {
    test(`it ${lie}`, async () => {
      const liar = await Liar.before(server, how);
      try {
        const broken = (await judge(liar.url)).filter(({ fault }) => fault !== undefined);
        const numbers = broken.map(({ number }) => number).sort();
        const text = broken.map(({ number, fault }) => `${number}: ${fault}`).join('\n');
        for (const number of least) assert.ok(numbers.includes(number), `${number} was not noticed; ${text}`);
        if (just) assert.deepEqual(numbers, just, text);
      } finally {
        await liar.dispose();
      }
    });
  }
});
