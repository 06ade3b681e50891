// The commands and programs of quickstart and tutorial run as they stand there, one page in one shell, and
// say what the page shows behind them. `./tools/run` is answered by the server that is built already, at
// an address of its own.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Server, within } from '../e2e/harness.mjs';

const docs = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../docs');

// [{language, title, code}], in their order.
const blocksOf = (name) => [...readFileSync(path.join(docs, name), 'utf8').matchAll(/^```(\w+)(?: title="([^"]+)")?\n(.*?)^```$/gms)]
  .map(([, language, title, code]) => ({ language, title, code }));

// What a page shows, with "..." for anything.
function like(shown) {
  const pattern = shown.trim().split('...').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')).join('[^\\n]*');
  return new RegExp(`^${pattern}$`, 'm');
}

class Shell {
  constructor(folder) {
    // Debian's packages are Debian's python's.
    this.child = spawn('bash', ['-m'], { cwd: folder, env: { PATH: `/usr/bin:${process.env.PATH}` }, stdio: ['pipe', 'pipe', 'pipe'] });
    this.said = '';
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream.on('data', (data) => {
        this.said += data;
        this.changed?.();
      });
    }
  }

  // What the commands say until they have ended.
  async run(commands) {
    this.said = '';
    const mark = `ended-${Math.random()}`;
    this.child.stdin.write(`${commands}\necho ${mark}:$?\n`);
    const ended = new Promise((resolve) => {
      this.changed = () => this.said.includes(`${mark}:`) && this.said.endsWith('\n') && resolve();
    });
    await within(ended, `the end of ${commands}; it said ${this.said}`);
    const [said, code] = this.said.split(`${mark}:`);
    assert.equal(code.trim(), '0', `${commands}\n${said}`);
    return said;
  }

  async end() {
    this.child.stdin.end('kill -9 $(jobs -p) 2>/dev/null; exit\n');
    const closed = once(this.child, 'close');
    await within(closed, 'the end of the shell', 2_000).catch(() => {
      this.child.kill('SIGKILL'); // it waits for a command that hangs
      for (const stream of this.child.stdio) stream.destroy();
    });
  }
}

for (const page of ['quickstart.md', 'tutorial.md']) {
  test(`the commands of ${page} do what it says`, async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'starling-page-'));
    const server = await Server.start();
    const here = (text) => text.replaceAll('127.0.0.1:8080', new URL(server.url).host);
    const shell = new Shell(folder);
    let said = '';
    let ran = 0;
    try {
      for (const { language, title, code } of blocksOf(page)) {
        if (title) {
          writeFileSync(path.join(folder, title), here(code));
        } else if (language === 'sh' && code.trim() !== './tools/run') {
          said = await shell.run(here(code));
          ++ran;
        } else if (language === 'text') {
          assert.match(said.trim(), like(code), code);
        }
      }
      assert.ok(ran >= 5, `${ran} blocks ran`);
    } finally {
      await shell.end();
      await server.dispose();
      rmSync(folder, { recursive: true });
    }
  });
}
