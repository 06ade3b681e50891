// HTTP/1.1 as it comes over the wire.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import { after, before, test } from 'node:test';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { Raw, Server, statusOf, within } from './harness.mjs';

let server;
before(async () => {
  server = await Server.start({ args: ['--auth', 'open'],
    config: '[http]\nhead_timeout_ms = 1000\nbody_timeout_ms = 1000\nidle_timeout_ms = 3000\nmax_body_bytes = 32768\n[limits]\naddress_requests_per_second = 0\n' });
});
after(() => server.dispose());

const head = (line, ...headers) => [line, 'Host: x', ...headers, '', ''].join('\r\n');

test('each refusal has its status, and nothing that follows is served', async () => {
  const behind = head('GET /livez HTTP/1.1', 'X-Second: yes');
  const cases = [
    [400, 'GET /livez HTTP/1.1\r\n\r\n', 'no Host'],
    [400, head('GET /livez HTTP/1.1', 'Host: y'), 'two Hosts'],
    [400, 'GET /livez HTTP/1.1\nHost: x\n\n', 'bare LF'],
    [400, 'GET /livez HTTP/1.1\r\nHost: x\r\nX: \rY: z\r\n\r\n', 'bare CR'],
    [400, head('GET /livez HTTP/1.1', 'X: a', ' folded'), 'folding'],
    [400, head('GET /livez HTTP/1.1', 'Bad Name: x'), 'a space in a name'],
    [400, head('GET /livez HTTP/1.1', 'X : y'), 'a space before the colon'],
    [400, head('GET /livez HTTP/1.1', 'X: \0'), 'NUL'],
    [400, head('GET /live#z HTTP/1.1'), 'a fragment'],
    [400, head('GET /%zz HTTP/1.1'), 'a broken escape'],
    [400, head('GET /%00 HTTP/1.1'), 'an escaped NUL'],
    [400, head('GET /%ff HTTP/1.1'), 'no UTF-8'],
    [400, head('GET  /livez HTTP/1.1'), 'two spaces'],
    [400, head('GET /livez'), 'no version'],
    [400, head('POST /api/users HTTP/1.1', 'Content-Length: 1', 'Transfer-Encoding: chunked'), 'CL and TE'],
    [400, head('POST /api/users HTTP/1.1', 'Content-Length: 1', 'Content-Length: 2'), 'two lengths'],
    [400, head('POST /api/users HTTP/1.1', 'Content-Length: +1'), 'a signed length'],
    [400, head('POST /api/users HTTP/1.1', 'Transfer-Encoding: chunked') + 'xx\r\n', 'a bad chunk'],
    [411, head('POST /api/users HTTP/1.1'), 'no length'],
    [413, head('POST /api/users HTTP/1.1', 'Content-Length: 32769'), 'a long body'],
    [413, head('POST /api/users HTTP/1.1', 'Transfer-Encoding: chunked') + `9000\r\n${'x'.repeat(0x9000)}\r\n0\r\n\r\n`, 'a long chunked body'],
    [414, head(`GET /${'x'.repeat(3000)} HTTP/1.1`), 'a long target'],
    [417, head('POST /api/users HTTP/1.1', 'Content-Length: 1', 'Expect: the-unexpected'), 'an expectation'],
    [431, head('GET /livez HTTP/1.1', ...Array.from({ length: 70 }, (_, i) => `X-${i}: y`)), 'many headers'],
    [431, head('GET /livez HTTP/1.1', `X: ${'y'.repeat(20000)}`), 'a large head'],
    [501, head('BREW /pot HTTP/1.1'), 'an unknown method'],
    [501, head('POST /api/users HTTP/1.1', 'Transfer-Encoding: gzip, chunked'), 'an unknown coding'],
    [400, head('POST /api/users HTTP/1.1', 'Transfer-Encoding: gzip'), 'a coding that does not end the body'],
    [505, head('GET /livez HTTP/2.0'), 'a future version'],
    [505, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'HTTP/2'],
  ];
  for (const [status, bytes, what] of cases) {
    const text = await Raw.exchange(server, bytes + behind);
    assert.equal(statusOf(text), status, what);
    assert.equal(text.match(/HTTP\/1\.1 \d{3} /g).length, 1, `${what}: more than one answer`);
    assert.match(text, /\r\nConnection: close\r\n/, what);
    const body = JSON.parse(text.slice(text.indexOf('\r\n\r\n') + 4));
    assert.ok(body.status === status && body.error && body.code && body.title, what);
  }
});

test('the same verdict wherever the bytes are cut', async () => {
  const good = head('POST /api/nowhere HTTP/1.1', 'Transfer-Encoding: chunked') + '3;ext=1\r\nabc\r\n0\r\nTrailer: x\r\n\r\n';
  for (let cut = 1; cut < good.length; cut += 3) {
    const raw = new Raw(server).write(good.slice(0, cut));
    await new Promise((resolve) => raw.socket.once('ready', resolve));
    raw.write(good.slice(cut));
    const text = await raw.until((seen) => seen.includes('\r\n\r\n'));
    assert.equal(statusOf(text), 404);
    raw.socket.destroy();
  }
});

test('connections are kept, and requests that come together are answered in order', async () => {
  const raw = new Raw(server);
  raw.write(head('GET /livez HTTP/1.1') + head('HEAD /livez HTTP/1.1') + head('GET /api/users HTTP/1.1') + head('GET /nothing HTTP/1.1', 'Connection: close'));
  const text = await raw.closed();
  assert.deepEqual(text.split('HTTP/1.1 ').slice(1).map((part) => Number(part.slice(0, 3))), [200, 200, 200, 404]);
  assert.equal(text.split('ok\n').length, 2, 'HEAD has no body');
  const old = await Raw.exchange(server, 'GET /livez HTTP/1.0\r\n\r\n');
  assert.equal(statusOf(old), 200);
});

test('a request that comes while the one before is worked on waits for it', async () => {
  const body = JSON.stringify({ username: 'hashing', email: 'h@x', password: 'takes its time' });
  const raw = new Raw(server);
  raw.write(head('POST /api/users HTTP/1.1', `Content-Length: ${body.length}`) + body);
  // Its own connection has been read when a later one has been answered.
  assert.equal((await server.call('GET', '/livez')).status, 200);
  raw.write(head('GET /livez HTTP/1.1') + head('GET /api/users/username/hashing HTTP/1.1', 'Connection: close'));
  const text = await raw.closed();
  assert.deepEqual(text.split('HTTP/1.1 ').slice(1).map((part) => Number(part.slice(0, 3))), [201, 200, 200]);
});

test('HEAD, OPTIONS, 404, 405 and 415', async () => {
  const get = await server.call('GET', '/');
  const headed = await server.call('HEAD', '/');
  assert.equal(headed.headers.get('content-length'), get.headers.get('content-length'));
  assert.equal(headed.body, '');
  const options = await server.call('OPTIONS', '/api/users');
  assert.deepEqual([options.status, options.headers.get('allow')], [204, 'POST, GET, HEAD, OPTIONS']);
  const wrong = await server.call('DELETE', '/api/users');
  assert.deepEqual([wrong.status, wrong.headers.get('allow')], [405, 'POST, GET, HEAD, OPTIONS']);
  assert.equal((await server.call('POST', '/', { body: '{}' })).status, 405);
  assert.equal((await server.call('GET', '/api/none')).status, 404);
  assert.equal((await server.call('GET', '/none')).status, 404);
  const form = await server.call('POST', '/api/users', { body: 'a=b', headers: { 'Content-Type': 'application/x-www-form-urlencoded' } });
  assert.equal(form.status, 415);
  const broken = await server.call('POST', '/api/users', { body: '{"username":' });
  assert.deepEqual([broken.status, broken.body.code], [400, 'bad_json']);
});

test('Expect: 100-continue is answered before the body', async () => {
  const body = '{"username":"expecting","email":"e@x"}';
  const raw = new Raw(server).write(head('POST /api/users HTTP/1.1', 'Expect: 100-continue', 'Content-Type: application/json', `Content-Length: ${body.length}`));
  await raw.until((text) => text.startsWith('HTTP/1.1 100 Continue\r\n\r\n'));
  raw.write(body);
  await raw.until((text) => text.includes('HTTP/1.1 201 Created'));
  raw.socket.destroy();
});

test('who is too slow gets 408; an idle connection is closed without a word', async () => {
  const slowHead = await Raw.exchange(server, 'GET / HTTP/1.1\r\nHost');
  assert.equal(statusOf(slowHead), 408);
  const slowBody = await Raw.exchange(server, head('POST /api/users HTTP/1.1', 'Content-Length: 10') + 'x');
  assert.equal(statusOf(slowBody), 408);
  assert.equal(await Raw.exchange(server, ''), '');
});

test('a client that closes its direction still gets its answer', async () => {
  const raw = new Raw(server).write(head('GET /api/users HTTP/1.1'));
  raw.socket.end();
  assert.equal(statusOf(await raw.closed()), 200);
  for (let i = 0; i < 100; ++i) { // also where the end comes together with the request
    const at_once = new Raw(server);
    at_once.socket.end(head('GET /livez HTTP/1.1') + head('GET /readyz HTTP/1.1'), 'latin1');
    const text = await at_once.closed();
    assert.deepEqual([text.split('HTTP/1.1 200').length, text.endsWith('ready\n')], [3, true]);
  }
});

test('who asks without reading is not read without end', async () => {
  const greedy = new Raw(server);
  greedy.socket.pause();
  let kernel_takes = true;
  const page = head('GET / HTTP/1.1').repeat(1000);
  for (let i = 0; i < 2_000 && kernel_takes; ++i) { // sockets take some 10 MB of requests
    greedy.write(page);
    await server.call('GET', '/livez');
    kernel_takes = greedy.socket.writableLength < 1 << 20;
  }
  assert.ok(!kernel_takes, 'the server went on reading');
  const bytes = Number((await (await fetch(server.metrics)).text()).match(/^starling_buffer_bytes\S* (\d+)/m)[1]);
  assert.ok(bytes < 4 << 20, `${bytes} bytes wait`);
  greedy.socket.destroy();
});

// The bytes as they come, and their headers: fetch() would unpack them.
async function get(target, headers) {
  const request = http.get(server.url + target, { headers });
  const [response] = await within(once(request, 'response'), target);
  return { status: response.statusCode, headers: response.headers, body: Buffer.concat(await response.toArray()) };
}

test('files of the browser client come in the form that is asked for', async () => {
  const plain = await get('/', {});
  const asset = String(plain.body).match(/\/assets\/[\w-]+\.js/)?.[0];
  const unpack = { br: brotliDecompressSync, gzip: gunzipSync };
  const tags = new Set();
  for (const target of asset ? ['/', asset] : ['/']) {
    const whole = await get(target, {});
    assert.equal(whole.headers['content-encoding'], undefined);
    for (const [coding, accepted] of [['br', 'gzip, deflate, br'], ['gzip', 'gzip;q=0.5, br;q=0'], [undefined, 'br;q=0']]) {
      const { status, headers, body } = await get(target, { 'Accept-Encoding': accepted });
      assert.deepEqual([status, headers.vary, Number(headers['content-length'])], [200, 'Accept-Encoding', body.length]);
      assert.equal(headers['cache-control'], target === '/' ? 'no-cache' : 'public, max-age=31536000, immutable');
      if (asset) assert.equal(headers['content-encoding'], coding);
      const bytes = headers['content-encoding'] ? unpack[headers['content-encoding']](body) : body;
      assert.ok(bytes.equals(whole.body), `${target} as ${coding}`);
      tags.add(headers.etag);
      const again = await get(target, { 'Accept-Encoding': accepted, 'If-None-Match': `"x", W/${headers.etag}` });
      assert.deepEqual([again.status, again.body.length, again.headers.etag], [304, 0, headers.etag]);
    }
  }
  assert.equal(tags.size, asset ? 6 : 1, 'each form has a tag of its own');
});

test('the page has its security headers and a validator', async () => {
  const page = await server.call('GET', '/room/general');
  assert.match(page.body, /<title>Starling<\/title>/);
  assert.match(page.headers.get('content-security-policy'), /default-src 'self'.*trusted-types 'none'/);
  const again = await server.call('GET', '/', { headers: { 'If-None-Match': page.headers.get('etag') } });
  assert.deepEqual([again.status, again.body], [304, '']);
  assert.equal((await server.call('GET', '/readyz?verbose')).body.includes('[+]archive ok'), true);
  assert.equal((await server.call('GET', '/healthz')).status, 200);
});

test('the admin listener shows metrics, and only there', async () => {
  const answer = await fetch(server.metrics);
  const text = await answer.text();
  assert.match(answer.headers.get('content-type'), /version=0\.0\.4/);
  assert.match(text, /^starling_connections\{core="0"\} \d+/m);
  assert.match(text, /^starling_store_commits_total \d+/m);
  assert.equal((await server.call('GET', '/metrics')).status, 404);
  const { execFileSync } = await import('node:child_process');
  execFileSync('promtool', ['check', 'metrics'], { input: text });
});
