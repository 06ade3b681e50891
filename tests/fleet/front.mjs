// A real nginx or HAProxy with TLS before servers, by the configuration that is shipped: only its
// ports, its certificate and the list of servers are put in.
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort, within } from '../e2e/harness.mjs';

const tools = path.join(path.dirname(fileURLToPath(import.meta.url)), '../../tools');

// The text of a configuration below tools/.
export const shipped = (name) => readFileSync(path.join(tools, name), 'utf8');

function certificate(folder) {
  const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name));
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2',
    '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', key, '-out', cert], { stdio: 'ignore' });
  const both = path.join(folder, 'both.pem');
  writeFileSync(both, readFileSync(cert, 'utf8') + readFileSync(key, 'utf8'));
  return { key, cert, both };
}

// Replaces what has to be there; a shipped file that reads differently fails here.
function replaced(text, changes) {
  for (const [from, to] of changes) {
    if (!text.includes(from)) throw new Error(`the configuration has no '${from}'`);
    text = text.replaceAll(from, to);
  }
  return text;
}

export class Front {
  // By tools/nginx/starling.conf, or by `site` with $HTTPS, $CERT and $KEY in it.
  static async nginx(servers, site) {
    const front = await Front.#prepare('nginx');
    const { folder, files, port } = front;
    const plain = await freePort();
    const text = site ? replaced(site, [['$HTTPS', `${port}`], ['$CERT', files.cert], ['$KEY', files.key], ['$SERVER', `127.0.0.1:${servers[0].port}`]])
      : replaced(shipped('nginx/starling.conf'), [
        ['listen 80;', `listen 127.0.0.1:${plain};`],
        ['listen 443 ', `listen 127.0.0.1:${port} `],
        ['/etc/ssl/chat.example.org/fullchain.pem', files.cert],
        ['/etc/ssl/chat.example.org/privkey.pem', files.key],
        ['server 127.0.0.1:8080 ', servers.map((server) => `server 127.0.0.1:${server.port} `).join('max_fails=0;\n  ')],
      ]);
    const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
      .map((name) => `  ${name}_temp_path ${folder}/${name};`).join('\n');
    writeFileSync(path.join(folder, 'nginx.conf'), `daemon off;\nuser root;\nworker_processes 1;\npid ${folder}/pid;\n` +
      `error_log stderr;\nevents { worker_connections 4096; }\nhttp {\naccess_log off;\n${scratch}\n${text}\n}\n`);
    front.plain = plain;
    return front.#run('nginx', ['-p', folder, '-e', 'stderr', '-c', path.join(folder, 'nginx.conf')]);
  }

  // By tools/haproxy/NAME.
  static async haproxy(servers, name = 'starling.cfg') {
    const front = await Front.#prepare('haproxy');
    const { folder, files, port } = front;
    front.plain = await freePort();
    const text = replaced(shipped(`haproxy/${name}`), [
      ...(name === 'starling.cfg' ? [['bind :80\n', `bind 127.0.0.1:${front.plain}\n`]] : []),
      ['maxconn 40000 ', 'maxconn 4000 '],
      ['bind :443 ', `bind 127.0.0.1:${port} `],
      ['/etc/ssl/chat.example.org/haproxy.pem', files.both],
      ['server one 127.0.0.1:8080', servers.map((server, i) => `server s${i} 127.0.0.1:${server.port}`).join('\n  ')],
    ]);
    writeFileSync(path.join(folder, 'haproxy.cfg'), text);
    return front.#run('haproxy', ['-db', '-f', path.join(folder, 'haproxy.cfg')]);
  }

  static async #prepare(name) {
    const front = new Front();
    front.name = name;
    front.folder = mkdtempSync(path.join(tmpdir(), `starling-${name}-`));
    front.files = certificate(front.folder);
    front.ca = readFileSync(front.files.cert);
    front.port = await freePort();
    front.url = `https://localhost:${front.port}`;
    return front;
  }

  async #run(program, args) {
    this.child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.said = '';
    for (const stream of [this.child.stdout, this.child.stderr]) stream.on('data', (data) => (this.said += data));
    this.ended = once(this.child, 'close');
    for (;;) {
      if (this.child.exitCode !== null) throw new Error(`${program} ended: ${this.said}`);
      if (await listens(this.port)) return this;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  // {status, headers, body} of a request over TLS, from an address of this host.
  async call(method, target, { body, token, headers = {}, from = '127.0.0.1' } = {}) {
    const bytes = body === undefined ? undefined : JSON.stringify(body);
    const request = https.request(this.url + target, {
      method, ca: this.ca, agent: false, family: 4, localAddress: from,
      headers: {
        ...headers,
        ...(bytes === undefined ? {} : { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(bytes) }),
        ...(token ? { Authorization: `Bearer ${token}` } : {}),
      },
    });
    request.end(bytes);
    const [response] = await within(once(request, 'response'), `${method} ${target}`);
    let text = '';
    for await (const piece of response) text += piece;
    const json = (response.headers['content-type'] ?? '').includes('json');
    return { status: response.statusCode, headers: response.headers, body: json ? JSON.parse(text) : text };
  }

  async user(username) {
    const answer = await this.call('POST', '/api/users', { body: { username, email: `${username}@example.org` } });
    if (answer.status !== 201) throw new Error(`no user: ${answer.status} ${JSON.stringify(answer.body)}`);
    return { ...answer.body.user, token: answer.body.token, cookie: answer.headers['set-cookie']?.[0] };
  }

  async dispose() {
    this.child.kill('SIGTERM');
    await within(this.ended, `the end of ${this.name}`);
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function listens(port) {
  return new Promise((resolve) => {
    const probe = net.connect(port, '127.0.0.1');
    probe.on('connect', () => resolve(true) || probe.destroy());
    probe.on('error', () => resolve(false));
  });
}
