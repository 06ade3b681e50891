// The SDK's types are true of what api/*.json describe: what a server may say is what the SDK takes,
// and what the SDK calls a frame is something that a server may say. Nothing of it is in the SDK's code.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import openapiTS, { astToString } from 'openapi-typescript';

const here = path.dirname(fileURLToPath(import.meta.url));
const root = path.join(here, '../..');
const out = path.join(root, 'tests/out/types');
const read = (name) => JSON.parse(readFileSync(path.join(root, 'api', name), 'utf8'));

// Frames and schemas under one name each, as openapi-typescript reads them.
function schemasOfFrames() {
  const { messages, schemas } = read('asyncapi.json').components;
  const frames = Object.entries(messages).filter(([key]) => key.endsWith('_frame'));
  return { ...schemas, ...Object.fromEntries(frames.map(([key, { payload }]) => [key, payload])) };
}

const CHECKS = `
import type { ChatMessage, Frame, RoomEvent } from '../../../web/sdk/src/frames.js';
import type { User } from '../../../web/sdk/src/api.js';
import type { components as Rest } from './openapi.js';
import type { components as Socket } from './asyncapi.js';

type Schemas = Socket['schemas'];
// What is optional for older clients' sake alone is always there in starling.v1.
type InV1<Told> = Told extends { type: 'auth_success' } ? Told & Required<Pick<Told, keyof Told & ('epoch' | 'rooms')>> : Told;
type Said = InV1<{ [Key in keyof Schemas]: Key extends \`\${string}_frame\` ? Schemas[Key] : never }[keyof Schemas]>;
type Known = Extract<Frame, { type: string }>['type'];
export const frames = (said: Said): Frame => said;
export const names = (said: Said['type']): Known => said;
export const known = (name: Known): Said['type'] => name;
export const users = (user: Rest['schemas']['User']): User => user;
export const messages = (message: Schemas['Message']): ChatMessage => message;
export const events = (event: Schemas['Message'] | Schemas['Tombstone'] | Schemas['Deletion']): RoomEvent => event;
`;

test('the types of the SDK and the descriptions agree', async () => {
  mkdirSync(out, { recursive: true });
  const write = async (name, document) => writeFileSync(path.join(out, name), astToString(await openapiTS(document)));
  await write('openapi.d.ts', read('openapi.json'));
  await write('asyncapi.d.ts', { openapi: '3.1.0', info: { title: '', version: '' }, paths: {}, components: { schemas: schemasOfFrames() } });
  writeFileSync(path.join(out, 'check.ts'), CHECKS);
  writeFileSync(path.join(out, 'tsconfig.json'), JSON.stringify({ extends: '../../../web/tsconfig.json', compilerOptions: { noEmit: true, types: [] }, include: ['*.ts'] }));
  const web = path.join(root, 'web/node_modules');
  const child = spawn(path.join(web, 'node/bin/node'), [path.join(web, 'typescript/bin/tsc'), '-p', out]);
  let said = '';
  child.stdout.on('data', (data) => (said += data));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, said);
});
