// Logs where standard error is systemd's journal: entries of fields, and what becomes of them when nobody reads.
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { run, Server, within } from './harness.mjs';
import { journal } from './journal.mjs';

const settings = (server, text) => writeFileSync(path.join(server.folder, 'starling.toml'), text);

test('entries have a sentence, a priority and fields of their own, and nothing goes elsewhere', async (t) => {
  const kept = await journal(t);
  const server = await Server.start({ through: kept.through, log: kept.log, config: '[auth]\nmode = "open"\n' });
  try {
    settings(server, '[sever]\n');
    assert.equal((await run(['reload', '--data-dir', path.join(server.folder, 'data')])).code, 78);
    assert.equal(await server.stop(), 0);
    await kept.told.until((line) => line.includes('"message":"stopped"'), 'the last line');
    const entry = (sentence) => kept.entries().find(({ MESSAGE }) => MESSAGE.startsWith(sentence));
    const serving = entry('serving');
    assert.deepEqual([serving.PRIORITY, serving.STARLING_URL, serving.STARLING_AUTH], ['6', server.url, 'open']);
    assert.equal(entry('OPEN MODE').PRIORITY, '4');
    const wrong = entry('settings not reloaded');
    assert.equal(wrong.PRIORITY, '3');
    assert.match(`${wrong.STARLING_WHERE} ${wrong.STARLING_ERROR}`, /starling\.toml:1:2 unknown section 'sever'/);
    for (const fields of kept.entries()) {
      assert.equal(fields.SYSLOG_IDENTIFIER, 'starling');
      for (const name of Object.keys(fields)) assert.match(name, /^(MESSAGE|PRIORITY|SYSLOG_IDENTIFIER|STARLING_[A-Z0-9_]+)$/);
    }
    assert.ok(server.lines.every((line) => JSON.parse(line).fields), 'standard error is empty');
  } finally {
    await server.dispose();
  }
});

test('a journal that is not read costs log lines, which are counted, and nothing else', async (t) => {
  const kept = await journal(t);
  const server = await Server.start({ through: kept.through, log: kept.log });
  const dropped = async () => Number(/^starling_log_dropped_total (\d+)$/m.exec(await (await fetch(server.metrics)).text())[1]);
  // Each mistake is a line: more than the queue holds.
  const flood = async () => {
    const before = await dropped();
    settings(server, Array.from({ length: 12_000 }, (_, i) => `nonsense_${i} = 1\n`).join(''));
    server.child.kill('SIGHUP');
    await within((async () => {
      while ((await dropped()) <= before);
    })(), 'a line that is dropped');
  };
  try {
    const ann = await server.user('ann');
    const [one, other] = [await server.member(ann, 'r'), await server.member(ann, 'r')];
    kept.stop();
    await flood();
    for (let i = 0; i < 20; ++i) {
      one.send({ type: 'chat_message', roomId: 'r', content: `${i}`, clientMessageId: `${i}` });
      assert.equal((await other.next('chat_message')).content, `${i}`);
    }
    kept.go();
    settings(server, '');
    assert.equal((await run(['reload', '--data-dir', path.join(server.folder, 'data')])).code, 0);
    await kept.told.until((line) => line.includes('"message":"settings reloaded"'), 'a line after it is read again');
    kept.stop();
    await flood();
    assert.equal(await server.stop(), 0, 'the end does not wait for a reader');
  } finally {
    await server.dispose();
  }
});

test('without the journal’s socket, or where standard error is another file, lines are JSON', async (t) => {
  for (const options of [{ open: false }, { stream: '1:1' }]) {
    const kept = await journal(t, options);
    const server = await Server.start({ through: kept.through }); // which waits for a line of JSON
    try {
      assert.equal(await server.stop(), 0);
      assert.equal(JSON.parse(server.lines.at(-1)).message, 'stopped');
      assert.deepEqual(kept.entries(), []);
    } finally {
      await server.dispose();
    }
  }
});
