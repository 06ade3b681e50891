// Certificates of a test's own, made by openssl: an authority, and what it signed for `name`.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';

const openssl = (...args) => execFileSync('openssl', args, { stdio: 'pipe' });
const KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

// Files in `folder`: {authority, certificate, key}.
export function make_certificates(folder, name) {
  mkdirSync(folder, { recursive: true });
  const file = (what) => path.join(folder, what);
  const [authority, certificate, key] = [file('authority.pem'), file('certificate.pem'), file('key.pem')];
  openssl('req', '-x509', ...KEY, '-keyout', file('authority.key'), '-out', authority, '-days', '2', '-subj', '/CN=an authority');
  openssl('req', '-x509', ...KEY, '-keyout', key, '-out', certificate, '-days', '2', '-subj', `/CN=${name}`,
    '-addext', `subjectAltName=DNS:${name}`, '-addext', 'basicConstraints=critical,CA:FALSE',
    '-CA', authority, '-CAkey', file('authority.key'));
  return { authority, certificate, key };
}
