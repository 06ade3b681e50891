// RFC 9110 and RFC 9112 against a running server, clause by clause, and the vectors of request
// smuggling. Every vector is followed by one more request that asks for the end of the connection. It
// is sent whole, byte by byte, and cut in two at every byte; the verdict is the same: the statuses of
// the answers, of which the last is a refusal (then nothing that follows was served) or belongs to the
// request behind the vector (then the vector was understood to its last byte).
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server } from '../e2e/harness.mjs';
import { Wire, each, quick } from './wire.mjs';

let server;
before(async () => {
  server = await Server.start({ args: ['--auth', 'open'], config: `[http]\nmax_body_bytes = ${16 * 1024}\n[limits]\nmessage_bytes = 1024\n` });
});
after(() => server.dispose());

const BEHIND = 'GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
const SMUGGLED = 'GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n';
const get = (...headers) => ['GET /livez HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n');
const post = (...headers) => ['POST /api/nowhere HTTP/1.1', 'Host: x', ...headers, '', ''].join('\r\n');
const chunked = (body) => post('Transfer-Encoding: chunked') + body;

// Splits what came into answers: {status, headers, body}. HEAD answers have no body.
function answersOf(text, heads = []) {
  const answers = [];
  for (let at = 0; at < text.length;) {
    const end = text.indexOf('\r\n\r\n', at);
    assert.ok(end > 0, `no whole head: ${JSON.stringify(text.slice(at, at + 200))}`);
    const [line, ...lines] = text.slice(at, end).split('\r\n');
    assert.match(line, /^HTTP\/1\.1 \d{3} [A-Z][A-Za-z -]+$/);
    const headers = Object.fromEntries(lines.map((one) => [one.slice(0, one.indexOf(':')).toLowerCase(), one.slice(one.indexOf(':') + 2)]));
    const length = heads.includes(answers.length) ? 0 : Number(headers['content-length'] ?? 0);
    answers.push({ status: Number(line.split(' ')[1]), headers, body: text.slice(end + 4, end + 4 + length) });
    at = end + 4 + length;
  }
  return answers;
}

async function exchange(stream, cuts = [], heads = []) {
  const wire = new Wire(server);
  try {
    await wire.writeCut(Buffer.from(stream, 'latin1'), cuts);
    await wire.closed();
    return answersOf(wire.data.toString('latin1'), heads);
  } finally {
    wire.socket.destroy();
  }
}

function vector(name, stream, expected, { heads } = {}) {
  test(name, async () => {
    const sent = stream + BEHIND;
    const statuses = async (cuts) => (await exchange(sent, cuts, heads)).map((one) => one.status);
    const whole = await exchange(sent, [], heads);
    assert.deepEqual(whole.map((one) => one.status), expected, 'whole');
    for (const { status, headers } of whole) {
      assert.ok(status < 200 || headers.date, 'RFC 9110, 6.6.1: every answer has a date');
    }
    assert.equal(whole.at(-1).headers.connection, 'close');
    const every = Array.from({ length: stream.length - 1 }, (_, i) => i + 1);
    if (every.length < 600) {
      assert.deepEqual(await statuses(every), expected, 'byte by byte');
      const some = every.filter((_, i) => !quick || i % 16 === 8);
      await each(some, 16, async (cut) => assert.deepEqual(await statuses([cut]), expected, `cut at ${cut}`));
    } else {
      await each(every.filter((_, i) => i % 499 === 0), 16, async (cut) => assert.deepEqual(await statuses([cut]), expected, `cut at ${cut}`));
    }
  });
}
const served = (name, stream, status = 404) => vector(name, stream, [status, 200]);
const refused = (name, stream, status = 400) => vector(name, stream, [status]);

// ---- RFC 9112, 2: the message

served('9112 2.2 empty lines before a request are skipped', `\r\n\r\n${get()}`, 200);
refused('9112 2.2 empty lines without end are not', '\r\n'.repeat(5) + get());
refused('9112 2.2 a bare LF behind the request line', 'GET /livez HTTP/1.1\nHost: x\r\n\r\n');
refused('9112 2.2 a bare LF behind a header', 'GET /livez HTTP/1.1\r\nHost: x\nX: y\r\n\r\n');
refused('9112 2.2 a bare LF at the end of the head', 'GET /livez HTTP/1.1\r\nHost: x\r\n\n');
refused('9112 2.2 bare LFs only', 'GET /livez HTTP/1.1\nHost: x\n\n');
refused('9112 2.2 a bare CR in the request line', 'GET /li\rvez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 2.2 a bare CR in a value', get('X: a\rb'));
refused('9112 2.2 a bare CR that hides a header', get('X:\rContent-Length: 5'));
refused('9112 2.2 two CRs before the LF', get('X: a\r'));
refused('9112 2.2 a CR before the end of the head', 'GET /livez HTTP/1.1\r\nHost: x\r\n\rX\r\n\r\n');
refused('9112 2.2 white space before the first header', 'GET /livez HTTP/1.1\r\n X: y\r\nHost: x\r\n\r\n');
refused('9112 2.3 a version in lower case', 'GET /livez http/1.1\r\nHost: x\r\n\r\n');
refused('9112 2.3 a version of two digits', 'GET /livez HTTP/1.10\r\nHost: x\r\n\r\n');
refused('9112 2.3 a version cut short', 'GET /livez HTTP/1\r\nHost: x\r\n\r\n');
refused('9112 2.3 no version (HTTP/0.9)', 'GET /livez\r\n\r\n');
refused('9110 15.6.6 HTTP/2.0', 'GET /livez HTTP/2.0\r\nHost: x\r\n\r\n', 505);
refused('9113 3.4 the preface of HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 505);

// ---- RFC 9112, 3: the request line

refused('9112 3 two spaces behind the method', 'GET  /livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3 two spaces before the version', 'GET /livez  HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3 a tab for a space', 'GET\t/livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3 a space before the method', ' GET /livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3 a space behind the version', 'GET /livez HTTP/1.1 \r\nHost: x\r\n\r\n');
refused('9112 3 a space in the target', 'GET /live z HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3.1 a method that is no token', 'G{T /livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9110 9.1 methods are compared letter by letter', 'get /livez HTTP/1.1\r\nHost: x\r\n\r\n', 501);
for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'BREW', 'GETX']) {
  refused(`9110 9.1 ${method} is not known`, `${method} /livez HTTP/1.1\r\nHost: x\r\n\r\n`, 501);
}
refused('9112 3.2.3 CONNECT to an authority', 'CONNECT x:443 HTTP/1.1\r\nHost: x:443\r\n\r\n', 501);
refused('9112 3.2.3 an authority as the target', 'GET x:80 HTTP/1.1\r\nHost: x:80\r\n\r\n');
refused('9112 3.2.4 an asterisk but for OPTIONS', 'GET * HTTP/1.1\r\nHost: x\r\n\r\n');
served('9112 3.2.4 an asterisk for OPTIONS', 'OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n', 204);
served('9112 3.2.2 an absolute target', 'GET http://x/livez HTTP/1.1\r\nHost: x\r\n\r\n', 200);
served('9112 3.2.2 an absolute target whose scheme is written large', 'GET HTTP://x/livez HTTP/1.1\r\nHost: x\r\n\r\n', 200);
served('9112 3.2.2 an absolute target stands above Host', 'GET http://x:80/livez?y=//z HTTP/1.1\r\nHost: other\r\n\r\n', 200);
refused('9110 4.2.1 an absolute target without a host', 'GET http:///livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9110 4.2.1 an absolute target with a port only', 'GET http://:80/livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9110 4.2.4 an absolute target with a user', 'GET http://user@x/livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3.2.2 an absolute target does without no Host', 'GET http://x/livez HTTP/1.1\r\n\r\n');
refused('9112 3.2.2 another scheme', 'GET ftp://x/livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3.2 a fragment', 'GET /livez#x HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3.2 a backslash for a slash', 'GET \\livez HTTP/1.1\r\nHost: x\r\n\r\n');
refused('3986 2.1 a broken escape', 'GET /livez%2 HTTP/1.1\r\nHost: x\r\n\r\n');
refused('3986 2.1 an escape that is no number', 'GET /%g0 HTTP/1.1\r\nHost: x\r\n\r\n');
refused('3986 2.1 an escaped NUL', 'GET /%00 HTTP/1.1\r\nHost: x\r\n\r\n');
refused('3986 2.1 escapes that are no UTF-8', 'GET /%c0%af HTTP/1.1\r\nHost: x\r\n\r\n');
refused('3986 2.1 raw bytes above ASCII', 'GET /\xc3\xbc HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3 a control character in the target', 'GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n');
refused('9112 3 DEL in the target', 'GET /\x7f HTTP/1.1\r\nHost: x\r\n\r\n');
served('3986 5.2.4 dots are no way to another resource', 'GET /api/../livez HTTP/1.1\r\nHost: x\r\n\r\n');
served('3986 2.2 an escaped slash is no slash', 'GET /api%2Fusers HTTP/1.1\r\nHost: x\r\n\r\n', 200);
refused('9112 3 a target of 3 KB', `GET /${'x'.repeat(3000)} HTTP/1.1\r\nHost: x\r\n\r\n`, 414);

// ---- RFC 9112, 3.2; RFC 9110, 7.2: Host

refused('9112 3.2 no Host', 'GET /livez HTTP/1.1\r\n\r\n');
refused('9112 3.2 two Hosts', get('Host: y'));
refused('9112 3.2 the same Host twice', get('host: x'));
for (const host of ['a b', 'a,b', 'x@y', 'x/y', 'x:', 'x:y', 'x:80:80', '[::1', '[::1]x', '[]', '[g::1]', 'x\\y', 'x?y', 'x#y', 'x"', '<x>', '\xfc']) {
  const wrong = !['a,b', 'x:'].includes(host); // both are names by RFC 3986, if strange ones
  vector(`9112 3.2 Host: ${JSON.stringify(host)}`, `GET /livez HTTP/1.1\r\nHost: ${host}\r\n\r\n`, wrong ? [400] : [200, 200]);
}
for (const host of ['', 'x', 'x.example:8080', '127.0.0.1', '[::1]:80', 'a-b_c~d', 'x%20y']) {
  served(`9112 3.2 Host: ${JSON.stringify(host)} is fine`, `GET /livez HTTP/1.1\r\nHost:${host}\r\n\r\n`, 200);
}

// ---- RFC 9112, 5; RFC 9110, 5: headers

refused('9112 5.1 a space before the colon', get('Content-Length : 5'));
refused('9112 5.1 a tab before the colon', get('Transfer-Encoding\t: chunked'));
refused('9112 5.1 no name', get(': x'));
refused('9112 5.1 no colon', get('X'));
refused('9110 5.1 a space in a name', get('Content Length: 5'));
refused('9110 5.1 a name with brackets', get('X(y): z'));
refused('9110 5.1 a name above ASCII', get('X\xfc: z'));
refused('9110 5.1 NUL in a name', get('X\0: z'));
refused('9110 5.5 NUL in a value', get('X: a\0b'));
refused('9110 5.5 a control character in a value', get('X: a\x01b'));
refused('9110 5.5 DEL in a value', get('X: a\x7fb'));
served('9110 5.5 a tab in a value', get('X: a\tb'), 200);
served('9110 5.5 bytes above ASCII in a value', get('X: gr\xfc\xdfe \xff'), 200);
served('9110 5.5 an empty value', get('X:'), 200);
served('9112 5.1 white space around a value', get('X: \t y \t '), 200);
refused('9112 5.2 a folded header', get('X: a', ' b'));
refused('9112 5.2 a header folded with a tab', get('X: a', '\tContent-Length: 5'));
refused('9112 5.2 a fold of nothing', get('X:', ' ', 'Y: z'));
refused('9110 5.4 more than 64 headers', get(...Array.from({ length: 70 }, (_, i) => `X-${i}: y`)), 431);
refused('9110 5.4 a name of 100 bytes', get(`${'X'.repeat(100)}: y`), 431);
refused('9110 5.4 a value of 9 KB', get(`X: ${'y'.repeat(9000)}`), 431);

// ---- RFC 9112, 6: where the body ends

served('9112 6.2 a body of its length', post('Content-Length: 5') + 'abcde');
served('9112 6.2 a body that looks like a request is a body', post(`Content-Length: ${SMUGGLED.length}`) + SMUGGLED);
served('9112 6.2 a length of 0', post('Content-Length: 0'));
served('9112 6.2 zeros before a length', post('Content-Length: 0005') + 'abcde');
served('9110 9.3.1 a GET with a body is read to its end', get('Content-Length: 5') + 'abcde', 200);
served('9110 9.3.5 a DELETE with a body is read to its end', `DELETE /api/nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: ${SMUGGLED.length}\r\n\r\n${SMUGGLED}`);
refused('9110 8.6 a POST without a length', post(), 411);
for (const length of ['+5', '-5', '5 5', '5,5', '5, 5', '5;', '0x5', '5.0', '5e0', '', 'five', '5\t6', '٥', '1_0', '18446744073709551621', '99999999999999999999999999', '9223372036854775808']) {
  const status = /^\d+$/.test(length) && Number(length) < 2 ** 64 ? 413 : 400;
  refused(`9112 6.3 Content-Length: ${JSON.stringify(length)}`, post(`Content-Length: ${Buffer.from(length).toString('latin1')}`) + 'abcde' + SMUGGLED, status);
}
refused('9112 6.3 two lengths', post('Content-Length: 5', 'Content-Length: 0') + 'abcde' + SMUGGLED);
refused('9112 6.3 the same length twice', post('Content-Length: 5', 'Content-Length: 5') + 'abcde');
refused('9110 15.5.14 a body that is too large', post(`Content-Length: ${16 * 1024 + 1}`) + 'x', 413);

served('9112 7.1 chunks', chunked('3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'));
served('9112 7.1 a chunk that looks like a request is a body', chunked(`${SMUGGLED.length.toString(16)}\r\n${SMUGGLED}\r\n0\r\n\r\n`));
served('9112 7.1 sizes in both cases, with zeros before them', chunked('0A\r\n0123456789\r\n00a\r\n0123456789\r\n000\r\n\r\n'));
served('9112 7.1.1 extensions are read past', chunked('3;a=b;c;d="e f"\r\nabc\r\n0;last\r\n\r\n'));
served('9112 7.1.2 trailers are read past', chunked('0\r\nX: y\r\nContent-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n'));
served('9112 7 the name of the coding in any case', post('Transfer-Encoding: ChunKED') + '0\r\n\r\n');
refused('9112 6.1 a length beside chunks', post('Content-Length: 5', 'Transfer-Encoding: chunked') + '0\r\n\r\n' + SMUGGLED);
refused('9112 6.1 chunks beside a length', post('Transfer-Encoding: chunked', 'Content-Length: 5') + '0\r\n\r\n' + SMUGGLED);
refused('9112 6.1 chunks in HTTP/1.0', 'POST /api/nowhere HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
refused('9112 6.1 chunks in a GET', get('Transfer-Encoding: chunked') + '0\r\n\r\n');
for (const coding of ['identity', 'xchunked', 'chunkedx', 'chunked, identity', 'chunked, gzip', 'chunked, chunked', 'gzip', 'chunked;q=1', '"chunked"', 'chunked,', ',chunked,', 'chun ked', '\x0bchunked', 'chunked\x0b', '']) {
  refused(`9112 6.3 Transfer-Encoding: ${JSON.stringify(coding)}`, post(`Transfer-Encoding: ${coding}`) + '0\r\n\r\n' + SMUGGLED);
}
refused('9112 6.1 a coding that is not known', post('Transfer-Encoding: gzip, chunked') + '0\r\n\r\n', 501);
refused('9112 6.1 a coding that is not known, in two lines', post('Transfer-Encoding: gzip', 'Transfer-Encoding: chunked') + '0\r\n\r\n', 501);
refused('9112 6.3 chunked in two lines', post('Transfer-Encoding: chunked', 'Transfer-Encoding: chunked') + '0\r\n\r\n');
refused('9112 6.3 chunked, and behind it another', post('Transfer-Encoding: chunked', 'Transfer-Encoding: identity') + '0\r\n\r\n');
for (const [what, body] of [
  ['a prefix of hexadecimal', '0x3\r\nabc\r\n0\r\n\r\n'], ['a sign', '+3\r\nabc\r\n0\r\n\r\n'], ['a minus', '-3\r\nabc\r\n0\r\n\r\n'], ['a space before it', ' 3\r\nabc\r\n0\r\n\r\n'],
  ['a space behind it', '3 \r\nabc\r\n0\r\n\r\n'], ['no size', '\r\nabc\r\n0\r\n\r\n'], ['no number', 'g\r\nabc\r\n0\r\n\r\n'], ['a bare LF', '3\nabc\r\n0\r\n\r\n'],
  ['a bare CR', '3\rabc\r\n0\r\n\r\n'], ['a comma', '3,3\r\nabc\r\n0\r\n\r\n'],
]) refused(`9112 7.1 a chunk's size with ${what}`, chunked(body + SMUGGLED));
refused('9112 7.1 a chunk of more than 64 bits', chunked(`10000000000000003\r\nabc\r\n0\r\n\r\n${SMUGGLED}`), 413);
for (const [what, body] of [
  ['data longer than their size', '3\r\nabcd\r\n0\r\n\r\n'], ['data that end with a bare LF', '3\r\nabc\n0\r\n\r\n'], ['data that end with a bare CR', '3\r\nabc\r0\r\n\r\n'],
  ['data without an end of line', '3\r\nabc0\r\n\r\n'], ['a bare LF at the end', '0\r\n\n'], ['a bare CR at the end', '0\r\n\rX'],
]) refused(`9112 7.1 chunks with ${what}`, chunked(body + SMUGGLED));
for (const [what, extension] of [
  ['a bare LF', ';a\nb'], ['a bare LF before a size', ';\n3'], ['a bare CR', ';a\rb'], ['NUL', ';a\0b'], ['a bare LF in quotes', ';a="\n"'], ['a control character', ';a\x01b'],
]) refused(`9112 7.1.1 an extension with ${what}`, chunked(`3${extension}\r\nabc\r\n0\r\n\r\n${SMUGGLED}`));
for (const [what, trailer] of [
  ['a bare LF', 'X: y\nZ: a'], ['a bare CR', 'X: y\rZ: a'], ['a space before the colon', 'X : y'], ['NUL', 'X: \0'], ['a fold', 'X: y\r\n z'], ['no colon', 'X'],
]) refused(`9112 7.1.2 a trailer with ${what}`, chunked(`0\r\n${trailer}\r\n\r\n${SMUGGLED}`));
refused('9112 7.1.1 extensions without end', chunked(`1;${'e'.repeat(40_000)}\r\na\r\n0\r\n\r\n`));
refused('9112 7.1.2 trailers without end', chunked(`0\r\n${'X: y\r\n'.repeat(8000)}\r\n`));
refused('9110 15.5.14 chunks that are too large together', chunked(`${'800\r\n' + 'x'.repeat(2048) + '\r\n'}`.repeat(9) + '0\r\n\r\n'), 413);

// ---- RFC 9112, 9: connections; RFC 9110, 9, 10.1.1

vector('9112 9.3 requests that come together are answered in order', get() + post('Content-Length: 1') + 'x' + get('X: y'), [200, 404, 200, 200]);
vector('9112 9.6 nothing behind Connection: close is served', get('Connection: close'), [200]);
vector('9112 9.6 close among other options', get('Connection: keep-alive, Close'), [200]);
vector('9112 9.3 HTTP/1.0 ends its connection', 'GET /livez HTTP/1.0\r\n\r\n', [200]);
vector('9110 9.3.2 HEAD has the headers and no body', 'HEAD /livez HTTP/1.1\r\nHost: x\r\n\r\n', [200, 200], { heads: [0] });
vector('9110 9.3.2 a HEAD that is refused has no body', 'HEAD /livez HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n', [400], { heads: [0] });
vector('9110 9.3.2 a HEAD that is refused in its middle has no body', 'HEAD /livez HTTP/1.1\r\nHost: x\nX: y\r\n\r\n', [400], { heads: [0] });
refused('9110 10.1.1 an expectation that is not known', post('Content-Length: 1', 'Expect: 200-maybe') + 'x', 417);
served('9110 7.8 an upgrade to what is not spoken is let pass', get('Upgrade: h2c', 'Connection: upgrade'), 200);
served('9110 7.8 a WebSocket path without the upgrade says so', 'GET /ws HTTP/1.1\r\nHost: x\r\n\r\n', 426);

test('9110 15.5.22 a 426 names the protocol', async () => {
  const [answer] = await exchange(`GET /ws HTTP/1.1\r\nHost: x\r\n\r\n${BEHIND}`);
  assert.deepEqual([answer.headers.upgrade, answer.headers.connection, answer.headers['sec-websocket-version']], ['websocket', 'Upgrade', '13']);
});
test('9110 6.6.1 the date is now, in the one form of HTTP', async () => {
  const [answer] = await exchange(BEHIND);
  assert.equal(new Date(answer.headers.date).toUTCString(), answer.headers.date);
  assert.ok(Math.abs(new Date(answer.headers.date) - Date.now()) < 5000);
});
test('9110 15.5.6 a 405 lists what is allowed, and OPTIONS the same', async () => {
  const [wrong] = await exchange(`DELETE /api/users HTTP/1.1\r\nHost: x\r\n\r\n${BEHIND}`);
  const [options] = await exchange(`OPTIONS /api/users HTTP/1.1\r\nHost: x\r\n\r\n${BEHIND}`);
  assert.deepEqual([wrong.status, options.status], [405, 204]);
  assert.ok(wrong.headers.allow.includes('POST'));
  assert.equal(wrong.headers.allow, options.headers.allow);
});
test('9110 10.1.1 Expect: 100-continue is answered before the body, and not to HTTP/1.0', async () => {
  const wire = new Wire(server).write(post('Content-Length: 1', 'Expect: 100-continue'));
  await wire.until(() => wire.data.toString() === 'HTTP/1.1 100 Continue\r\n\r\n');
  wire.write(`x${BEHIND}`);
  await wire.closed();
  assert.deepEqual(answersOf(wire.data.toString()).map((one) => one.status), [100, 404, 200]);
  const old = await exchange('POST /api/nowhere HTTP/1.0\r\nContent-Length: 1\r\nExpect: 100-continue\r\n\r\nx');
  assert.deepEqual(old.map((one) => one.status), [404]);
});
test('9112 2.2 what is refused is told why, as a problem, whatever it was', async () => {
  for (const stream of ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n', 'SSH-2.0-OpenSSH_9.2\r\n\r\n', '\xff'.repeat(100) + '\r\n\r\n', '{"a": 1}\r\n\r\n']) {
    const answers = await exchange(stream);
    assert.equal(answers.length, 1);
    const body = JSON.parse(answers[0].body);
    assert.deepEqual([answers[0].status, body.status, answers[0].headers['content-type']], [400, 400, 'application/problem+json']);
    assert.ok(body.error && body.title && body.code);
  }
});
