// A server that breaks rules of the protocol is caught at just those. These try the kit, not the server:
// once is enough, so they are not among the sanitized runs.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Server } from '../e2e/harness.mjs';
import { Liar } from './liar.mjs';
import { judge } from './run.mjs';

let server;
before(async () => (server = await Server.start({ config: '[auth]\ndeadline_ms = 3000\n' })));
after(() => server.dispose());

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
