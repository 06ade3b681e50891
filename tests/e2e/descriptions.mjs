// api/*.json as judges of what a server says. A field that they do not describe is as wrong here as
// one that is missing, although clients are told to ignore it.
import { readFileSync } from 'node:fs';
import Ajv from 'ajv/dist/2020.js';
import addFormats from 'ajv-formats';

const read = (name) => JSON.parse(readFileSync(new URL(`../../api/${name}`, import.meta.url), 'utf8'));
export const openapi = read('openapi.json');
export const asyncapi = read('asyncapi.json');

// The same with objects that have the described members only.
function closed(value) {
  if (Array.isArray(value)) return value.map(closed);
  if (value === null || typeof value !== 'object') return value;
  const copy = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, closed(member)]));
  if (value.type === 'object' && value.properties) copy.additionalProperties ??= false;
  return copy;
}

const ajv = new Ajv({ strict: false, allErrors: false });
addFormats(ajv);
ajv.addSchema({ paths: closed(openapi.paths), components: closed(openapi.components) }, 'openapi.json');
ajv.addSchema({ components: closed(asyncapi.components) }, 'asyncapi.json');

const compiled = new Map();
// What is wrong with a value by the schema at a place of a document; nothing if it is right.
function faultOf(value, place) {
  if (!compiled.has(place)) compiled.set(place, ajv.compile({ $ref: place }));
  const valid = compiled.get(place);
  return valid(value) ? undefined : ajv.errorsText(valid.errors);
}

const escaped = (name) => encodeURIComponent(name.replaceAll('~', '~0').replaceAll('/', '~1'));

// Throws where a frame of the server is not as api/asyncapi.json says.
export function checkFrame(frame) {
  const name = `${frame.type}_frame`;
  const fault = asyncapi.components.messages[name]
    ? faultOf(frame, `asyncapi.json#/components/messages/${name}/payload`)
    : 'there is no such type';
  if (fault) throw new Error(`not in api/asyncapi.json: ${fault}: ${JSON.stringify(frame).slice(0, 600)}`);
}

export function commandFault(command) {
  return faultOf(command, `asyncapi.json#/components/messages/${command.type}_command/payload`);
}

const operations = Object.entries(openapi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    path, method, operation,
    parameters: path.split('{').length,
    pattern: new RegExp(`^${path.replaceAll('.', '\\.').replace(/\{\w+\}/g, '[^/]+')}$`),
  })),
).sort((a, b) => a.parameters - b.parameters); // a literal path before one that also fits

// Throws where an answer is not as api/openapi.json says; what it does not describe may be anything.
export function checkAnswer(method, target, status, type, body) {
  const found = operations.find(({ method: wanted, pattern }) => wanted === method.toLowerCase() && pattern.test(target.split('?')[0]));
  if (!found || type === '') return;
  const key = found.operation.responses[status] ? status : 'default';
  const { $ref } = found.operation.responses[key];
  const place = $ref ?? `#/paths/${escaped(found.path)}/${found.method}/responses/${key}`;
  const media = type.split(';')[0];
  const response = $ref ? openapi.components.responses[$ref.split('/').pop()] : found.operation.responses[key];
  const fault = response.content?.[media]
    ? faultOf(body, `openapi.json${place}/content/${escaped(media)}/schema`)
    : `${status} has no ${media}`;
  if (fault) throw new Error(`not in api/openapi.json: ${method} ${target}: ${status}: ${fault}: ${JSON.stringify(body).slice(0, 600)}`);
}
