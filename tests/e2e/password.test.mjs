// A password that is typed: at a real terminal, of which the test is the other end.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { test } from 'node:test';
import { binary, Server, within } from './harness.mjs';

// Runs a command at a terminal. Each step is what the terminal shows at its end, and what is typed then. Says how it
// ended, what was shown, what went to standard output, and whether the terminal shows again what is typed.
const typist = `
import fcntl, json, os, pty, subprocess, sys, termios
steps, command = json.loads(sys.argv[1]), sys.argv[2:]
terminal, own = pty.openpty()
child = subprocess.Popen(command, stdin=own, stderr=own, stdout=subprocess.PIPE, start_new_session=True,
                         preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
shown = ""
for prompt, typed in steps:
    while not shown.endswith(prompt): shown += os.read(terminal, 1024).decode()
    os.write(terminal, typed.encode())
out = child.communicate()[0].decode()
echoes = bool(termios.tcgetattr(own)[3] & termios.ECHO)
os.close(own)
try:
    while piece := os.read(terminal, 1024): shown += piece.decode()
except OSError: pass  # all is read
print(json.dumps({"code": child.returncode, "shown": shown, "out": out, "echoes": echoes}))`;

async function type(server, words, steps) {
  const child = spawn('/usr/bin/python3', ['-c', typist, JSON.stringify(steps), binary, ...words, '--data-dir', path.join(server.folder, 'data')],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.on('data', (data) => (said += data));
  try {
    await within(once(child, 'close'), `${words.join(' ')} at a terminal`);
  } finally {
    child.kill('SIGKILL');
  }
  return JSON.parse(said);
}

test('it is asked for twice and never shown; the terminal is left as it was, also by Ctrl-C', async () => {
  const server = await Server.start();
  const login = async (password) => (await server.call('POST', '/api/sessions', { body: { username: 'ann', password } })).status;
  try {
    const added = await type(server, ['user', 'add', 'ann'], [['Password: ', 'typed once\n'], ['Again: ', 'typed once\n']]);
    assert.deepEqual(added, { code: 0, shown: 'Password: \r\nAgain: \r\n', out: added.out, echoes: true });
    assert.match(added.out, /^\d+\n$/);
    assert.equal(await login('typed once'), 201);

    const differ = await type(server, ['user', 'password', 'ann'], [['Password: ', 'another one\n'], ['Again: ', 'another onf\n']]);
    assert.deepEqual(differ, { code: 65, shown: 'Password: \r\nAgain: \r\nstarling: the two passwords differ\r\n', out: '', echoes: true });
    const short = await type(server, ['user', 'password', 'ann'], [['Password: ', 'short\n'], ['Again: ', 'short\n']]);
    assert.equal(short.code, 65);
    assert.match(short.shown, /8 to 256 bytes\r\n$/);
    for (const [typed, ended] of [['half a pass\x03', -2], ['half a pass\x1c', -3]]) { // Ctrl-C, Ctrl-\
      const left = await type(server, ['user', 'password', 'ann'], [['Password: ', typed]]);
      assert.deepEqual([left.code, left.echoes], [ended, true]);
      assert.ok(!left.shown.includes('half'), left.shown);
    }
    const end = await type(server, ['user', 'password', 'ann'], [['Password: ', '\x04']]); // Ctrl-D
    assert.deepEqual(end, { code: 65, shown: 'Password: \r\nstarling: no password was typed\r\n', out: '', echoes: true });
    assert.equal(await login('typed once'), 201);

    const pasted = await type(server, ['user', 'password', 'ann'], [['Password: ', 'both at once\nboth at once\n']]);
    assert.deepEqual(pasted, { code: 0, shown: 'Password: \r\nAgain: \r\n', out: '', echoes: true });
    assert.equal(await login('both at once'), 201);
  } finally {
    await server.dispose();
  }
});
