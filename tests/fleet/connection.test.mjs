// How a server reaches its database: over TLS with a certificate that is verified, by a socket, with a
// password from a file; and what it says where it does not.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Server, run, within } from '../e2e/harness.mjs';
import { startMariadb } from './mariadb.mjs';

const folder = mkdtempSync(path.join(tmpdir(), 'starling-tls-'));
const at = (name) => path.join(folder, name);
const openssl = (...args) => execFileSync('openssl', args, { cwd: folder, stdio: 'ignore' });
const fresh_key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

function authority(name) {
  openssl('req', '-x509', ...fresh_key, '-keyout', `${name}.key`, '-out', `${name}.pem`, '-subj', `/CN=${name}`, '-days', '2');
}
function certificate(name, { by = 'ca', names = 'IP:127.0.0.1,DNS:localhost', days = 2 } = {}) {
  writeFileSync(at('names'), `subjectAltName=${names}\n`);
  openssl('req', ...fresh_key, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=database');
  openssl('x509', '-req', '-in', `${name}.csr`, '-CA', `${by}.pem`, '-CAkey', `${by}.key`, '-CAcreateserial',
    '-out', `${name}.pem`, '-days', String(days), '-extfile', 'names');
}

let mariadb;
before(async () => {
  authority('ca');
  authority('stranger');
  certificate('right');
  certificate('misnamed', { names: 'DNS:elsewhere.example.org' });
  certificate('foreign', { by: 'stranger' });
  certificate('expired', { days: -1 });
  show('right');
  mariadb = await startMariadb({ args: [`--ssl-cert=${at('shown.pem')}`, `--ssl-key=${at('shown.key')}`] });
});
after(async () => {
  await mariadb?.dispose();
  rmSync(folder, { recursive: true });
});

// The certificate that the database has from its next start or FLUSH SSL.
function show(name) {
  for (const kind of ['pem', 'key']) copyFileSync(at(`${name}.${kind}`), at(`shown.${kind}`));
}
const settings = (url, more = {}) => ({ env: { STARLING_STORE__URL: url, ...more } });
const migrate = (url, more) => run(['migrate', 'up'], settings(url, more));
async function refused(url, reason, { code = 69, more } = {}) {
  const said = await migrate(url, more);
  assert.equal(said.code, code, `${url}: ${said.stderr}`);
  assert.match(said.stderr, reason);
}

test('over TLS the certificate must be valid, for that host, and signed by whom one trusts', async (t) => {
  const url = await mariadb.database('encrypted');
  await mariadb.query("CREATE USER safe@'%' IDENTIFIED BY 'secret' REQUIRE SSL; GRANT ALL ON encrypted.* TO safe@'%'");
  const plain = url.replace('starling:secret', 'safe:secret');
  const tls = `${plain}?tls=on&tls_ca=${at('ca.pem')}`;
  for (const [name, reason] of [['misnamed', /Validation of SSL server certificate failed/], ['foreign', /unable to get local issuer/], ['expired', /expired/]]) {
    show(name);
    await mariadb.query('FLUSH SSL');
    await refused(tls, reason);
    await refused(tls, /tls=on wants a certificate that is valid today, is for the host .*, and is signed by tls_ca/);
  }
  show('right');
  await mariadb.query('FLUSH SSL');
  await refused(`${plain}?tls=on`, /unable to get local issuer/); // the system's authorities know nothing of ours
  await refused(`${plain}?tls=on&tls_ca=${at('none.pem')}`, /No such file/);
  await refused(plain, /Access denied .*whether it must use TLS/);
  for (const host of ['127.0.0.1', 'localhost']) {
    const done = await migrate(tls.replace('127.0.0.1', host));
    assert.equal(done.code, 0, done.stderr);
  }

  // A server that runs looks again at each connection.
  const server = await Server.start(settings(tls));
  t.after(() => server.dispose());
  const ann = await server.user('ann');
  show('foreign');
  await mariadb.query('FLUSH SSL');
  await mariadb.stop();
  await mariadb.run();
  const until = (happened, what) => within((async () => {
    while (!(await happened())) await new Promise((resolve) => setTimeout(resolve, 50));
  })(), what);
  const ready = async (status) => (await server.call('GET', '/readyz')).status === status;
  const away = () => server.lines.some((line) => line.includes('the archive is away') && line.includes('unable to get local issuer'));
  await until(away, 'the server says why');
  await until(() => ready(503), 'the server is not ready');
  assert.equal((await server.call('POST', '/api/messages', { token: ann.token, body: { content: 'x', room_id: 'r' } })).status, 503);
  show('right');
  await mariadb.query('FLUSH SSL');
  await until(() => ready(200), 'the server is ready');
  assert.equal((await server.call('POST', '/api/messages', { token: ann.token, body: { content: 'x', room_id: 'r' } })).status, 201);
});

test('a database without TLS is not spoken to where TLS is wanted', async (t) => {
  const args = mariadb.options.args;
  t.after(async () => {
    mariadb.options.args = args;
    await mariadb.stop();
    await mariadb.run();
  });
  mariadb.options.args = ['--skip-ssl'];
  await mariadb.stop();
  await mariadb.run();
  await refused(`${await mariadb.database('bare')}?tls=on&tls_ca=${at('ca.pem')}`, /SSL is required, but the server does not support it/);
});

test('by a socket, and with a password from a file', async (t) => {
  const url = await mariadb.database('near');
  const nameless = url.replace(':secret', '');
  const file = at('password');
  writeFileSync(file, 'secret\n');
  const more = { STARLING_STORE__PASSWORD_FILE: file };
  const near = `${nameless}?socket=${mariadb.socket}`;
  const done = await migrate(near, more);
  assert.equal(done.code, 0, done.stderr);
  const server = await Server.start(settings(near, more));
  t.after(() => server.dispose());
  assert.equal((await server.user('ann')).username, 'ann');
  const hosts = await mariadb.query("SELECT DISTINCT host FROM information_schema.processlist WHERE db = 'near'");
  assert.deepEqual(hosts, [['localhost']]);

  writeFileSync(file, 'another\n');
  await refused(near, /Access denied .*store\.password_file/, { more });
  await refused(nameless, /Access denied/, { more });
  await refused(url.replace('secret', 'wrong'), /Access denied/);
  await refused(nameless, /password_file: .*none cannot be read/, { code: 78, more: { STARLING_STORE__PASSWORD_FILE: at('none') } });
  await refused(`${nameless}?socket=${at('none')}`, /is it running/, { more });
  await refused(url.replace('near', 'nowhere'), /Unknown database.*create the database/);
});
