// api/*.json are what the makers of OpenAPI's and AsyncAPI's own tools take for good.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Parser } from '@asyncapi/parser';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '../..');
// These tools want a newer node than Debian's; the one that builds the page is.
const node = path.join(root, 'web/node_modules/node/bin/node');

async function lint(program, ...args) {
  const child = spawn(node, [path.join(here, 'node_modules/.bin', program), 'lint', ...args], {
    cwd: root, env: { PATH: process.env.PATH, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => (said += data));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, said);
}

test('redocly, strictly', () => lint('redocly', '--config', 'tests/api/redocly.yaml', 'api/openapi.json'));

test('spectral, warnings included', () =>
  lint('spectral', '--ruleset', 'tests/api/spectral.yaml', '--fail-severity', 'info', 'api/openapi.json', 'api/asyncapi.json'));

test('the parser of AsyncAPI', async () => {
  const { document, diagnostics } = await new Parser().parse(readFileSync(path.join(root, 'api/asyncapi.json'), 'utf8'));
  const wrong = diagnostics.filter(({ code }) => code !== 'asyncapi-latest-version');
  assert.deepEqual(wrong.map(({ message, path: place }) => `${place.join('.')}: ${message}`), []);
  assert.equal(document.version(), '3.0.0');
});
