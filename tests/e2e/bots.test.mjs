// The bots of docs/bots.md run as they stand there, and answer once, also across a kill of the server.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Server, within } from './harness.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const examples = ['bot.mjs', 'bot.py'];
const source = (name) => readFileSync(path.join(root, 'docs/examples', name), 'utf8');
// An older node has no WebSocket; the one that builds the page has. Debian's packages are Debian's python's.
const node = globalThis.WebSocket ? process.execPath : path.join(root, 'web/node_modules/node/bin/node');
const python = existsSync('/usr/bin/python3') ? '/usr/bin/python3' : 'python3';

test('docs/bots.md shows exactly the bots that run here, of at most 15 lines', () => {
  const page = readFileSync(path.join(root, 'docs/bots.md'), 'utf8');
  const shown = [...page.matchAll(/^```\w+\n(.*?)^```$/gms)].map(([, code]) => code);
  assert.deepEqual(shown, examples.map(source));
  for (const name of examples) assert.ok(source(name).split('\n').length - 1 <= 15, name);
});

for (const name of examples) {
  test(`${name} answers each question once, whatever is killed`, async () => {
    const server = await Server.start();
    let bot, ended;
    try {
      const ann = await server.user('ann');
      const greeter = await server.user('greeter', { password: 'a long password' });
      const file = path.join(root, 'docs/examples', name);
      const [program, identity] = name.endsWith('.py') ? [python, [greeter.token]] : [node, ['greeter', 'a long password']];
      const listener = await server.member(ann, 'general');
      bot = spawn(program, [file, server.url, ...identity, 'general'], { stdio: ['ignore', 'ignore', 'inherit'] });
      ended = once(bot, 'close');
      // Who has joined hears everything from there on.
      await listener.next((frame) => frame.type === 'user_joined' && frame.userId === greeter.id);
      const ask = (content) => server.call('POST', '/api/messages', { token: ann.token, body: { content, room_id: 'general' } });
      await ask('!hello');
      await listener.next((frame) => frame.content === 'Hello, ann!');
      await server.kill();
      await server.start();
      await ask('!hello'); // before the bot is back
      await ask('no question');
      await ask('!hello');
      const contents = async () => {
        const { body } = await server.call('GET', '/api/messages/room/general', { token: ann.token });
        return body.messages.map((message) => message.content);
      };
      const returned = await server.session(ann);
      returned.send({ type: 'join_room', roomId: 'general', afterSeq: 0 });
      for (let answers = 0; answers < 3; ++answers) await returned.next((frame) => frame.content === 'Hello, ann!');
      assert.deepEqual((await contents()).sort(), ['!hello', '!hello', '!hello', 'Hello, ann!', 'Hello, ann!', 'Hello, ann!', 'no question']);
    } finally {
      if (bot) {
        bot.kill();
        await within(ended, 'the end of the bot');
      }
      await server.dispose();
    }
  });
}
