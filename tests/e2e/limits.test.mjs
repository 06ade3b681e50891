// Limits by address, as two addresses meet them; and who may register.
import assert from 'node:assert/strict';
import net from 'node:net';
import { test } from 'node:test';
import { Server, statusOf, within } from './harness.mjs';

// The whole answer to one request from that address.
async function call_from(server, address, method, path, body = '') {
  const socket = net.connect({ port: server.port, host: '127.0.0.1', localAddress: address });
  let text = '';
  socket.on('data', (data) => (text += data));
  socket.on('error', () => {});
  socket.end(`${method} ${path} HTTP/1.1\r\nHost: x\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  await within(new Promise((resolve) => socket.on('close', resolve)), `${method} ${path} from ${address}`);
  return text;
}

test('one address cannot fill the queue of the passwords', async () => {
  const server = await Server.start({ config: '[auth]\naddress_passwords = 2\n' });
  try {
    await server.user('ann', { password: 'correct horse battery' });
    const guesses = Array.from({ length: 30 }, (_, i) =>
      call_from(server, '127.0.0.2', 'POST', '/api/sessions', JSON.stringify({ username: `u${i}`, password: 'a guess' })));
    const login = await call_from(server, '127.0.0.1', 'POST', '/api/sessions', '{"username":"ann","password":"correct horse battery"}');
    assert.equal(statusOf(login), 201);
    const answers = await Promise.all(guesses);
    const refused = answers.filter((text) => statusOf(text) === 429);
    assert.ok(refused.length > 10 && refused.length <= 28, `${refused.length} of 30 refused`);
    for (const text of refused) assert.match(text, /\r\nRetry-After: 1\r\n/);
    assert.equal(answers.filter((text) => statusOf(text) === 401).length, 30 - refused.length);
    const metrics = await (await fetch(server.metrics)).text();
    assert.equal(Number(/^starling_limited_total\{limit="address_passwords"\} (\d+)$/m.exec(metrics)[1]), refused.length);
    // Whoever waited has been answered: there is room again.
    assert.equal(statusOf(await call_from(server, '127.0.0.2', 'POST', '/api/sessions', '{"username":"ann","password":"correct horse battery"}')), 201);
  } finally {
    await server.dispose();
  }
});

test('registration by invitation, and off', async () => {
  const body = (extra) => ({ body: { username: `new-${Math.random()}`, email: 'n@x', ...extra } });
  const invites = await Server.start({ config: '[auth]\nregistration = "invite"\ninvite_code = "planted-code"\n' });
  try {
    assert.equal((await invites.call('POST', '/api/users', body({}))).status, 403);
    assert.equal((await invites.call('POST', '/api/users', body({ invite: 'planted-cod3' }))).status, 403);
    assert.equal((await invites.call('POST', '/api/users', body({ invite: 'planted-code' }))).status, 201);
    assert.equal(await invites.stop(), 0);
    assert.ok(!invites.lines.join('\n').includes('planted-cod'), 'codes are not logged');
  } finally {
    await invites.dispose();
  }
  const off = await Server.start({ config: '[auth]\nregistration = "off"\n' });
  try {
    assert.equal((await off.call('POST', '/api/users', body({ invite: 'planted-code' }))).status, 403);
  } finally {
    await off.dispose();
  }
});
