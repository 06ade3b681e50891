// What api/openapi.json and api/asyncapi.json show as examples is what this server says. What
// differs from run to run (times, tokens, names of servers and sessions) is compared by its form.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { asyncapi, commandFault, openapi } from './descriptions.mjs';
import { Server } from './harness.mjs';

// With a server of its own, which is gone afterwards whatever happens.
function serving(name, options, body) {
  test(name, async () => {
    const server = await Server.start(options);
    try {
      await body(server);
    } finally {
      await server.dispose();
    }
  });
}

const forms = [
  [/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/, '<time>'],
  [/^[\w-]+\.[\w-]+\.[\w-]+$/, '<token>'],
];
const differs = { serverId: '<server>', sessionId: '<session>', address: '<address>', version: '<version>', epoch: '<epoch>', connections: '<count>', retryAfterMs: '<delay>', afterMs: '<delay>' };

function form(value, name) {
  if (name in differs) return differs[name];
  if (typeof value === 'string') return forms.find(([pattern]) => pattern.test(value))?.[1] ?? value;
  if (Array.isArray(value)) return value.map((item) => form(item));
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, form(member, key)]));
}

const resolved = (node, document) =>
  node.$ref ? node.$ref.slice(2).split('/').reduce((value, key) => value[key], document) : node;

serving('the running version serves its descriptions, with its number in them', {}, async (server) => {
  for (const [target, document] of [['/openapi.json', openapi], ['/asyncapi.json', asyncapi]]) {
    const { status, headers, body } = await server.call('GET', target);
    assert.equal(status, 200);
    assert.match(headers.get('content-type'), /^application\/json/);
    assert.match(body.info.version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(body, JSON.parse(JSON.stringify(document).replaceAll('@VERSION@', body.info.version)));
  }
});

// ---- REST: the calls one after the other, as they stand in the description --------------------

// The calls of an operation: by the names of its examples, or one without a name.
function callsOf(path, method, operation) {
  const parameters = (operation.parameters ?? []).map((parameter) => resolved(parameter, openapi));
  const requests = operation.requestBody?.content['application/json'].examples;
  const answers = Object.entries(operation.responses).flatMap(([status, response]) =>
    Object.values(resolved(response, openapi).content ?? {}).flatMap(({ examples }) =>
      Object.entries(examples ?? {}).map(([name, { value }]) => ({ name, status: Number(status), value }))));
  const names = new Set([...Object.keys(requests ?? {}), ...answers.map(({ name }) => name)]);
  if (names.size === 0) names.add(undefined);
  return [...names].map((name) => {
    const valueOf = (parameter) => parameter.examples?.[name]?.value ?? parameter.example;
    const target = path.replace(/\{(\w+)\}/g, (_, key) => valueOf(parameters.find((parameter) => parameter.name === key)));
    const headers = Object.fromEntries(parameters.filter((parameter) => parameter.in === 'header' && valueOf(parameter) !== undefined)
      .map((parameter) => [parameter.name, valueOf(parameter)]));
    return { name, method: method.toUpperCase(), target, headers, body: requests?.[name]?.value, answer: answers.find((answer) => answer.name === name), operation };
  });
}

serving('every example of openapi.json is what a server answers, in their order', {}, async (server) => {
  let token;
  let compared = 0;
  for (const [path, methods] of Object.entries(openapi.paths)) {
    for (const [method, operation] of Object.entries(methods)) {
      for (const { name, method: verb, target, headers, body, answer } of callsOf(path, method, operation)) {
        const what = `${verb} ${target} (${name})`;
        const given = await server.call(verb, target, { token, headers, body });
        token = given.body.token ?? token;
        if (!answer) {
          assert.ok(operation.responses[given.status] && given.status < 300, `${what}: ${given.status}`);
          continue;
        }
        assert.equal(given.status, answer.status, `${what}: ${JSON.stringify(given.body)}`);
        assert.deepEqual(form(given.body), form(answer.value), what);
        ++compared;
      }
    }
  }
  assert.ok(compared >= 25, `${compared} examples were compared`);
});

// ---- WebSocket: a scene in which every command is sent and every frame comes ------------------

const messages = Object.values(asyncapi.components.messages);
const examplesOf = (suffix) => Object.entries(asyncapi.components.messages)
  .filter(([key]) => key.endsWith(suffix))
  .flatMap(([, { name: type, examples }]) => examples.map(({ name, payload }) => ({ type, name, payload })));

const config = '[limits]\nmessages_per_second = 2\nmessage_burst = 30\n[presence]\ngrace_ms = 50\nevents_max = 2\n[resume]\nmax_events = 1\n[server]\ndrain_window_ms = 0\n';
serving('every example of asyncapi.json is what clients may send and a server says', { config }, async (server) => {
  const said = [];
  const sent = new Set();
  const ann = await server.user('ann');
  const bob = await server.user('bob');
  const everything = (client) => {
    const take = client.take.bind(client);
    client.take = (frame) => {
      said.push(frame);
      take(frame);
    };
    said.push(...client.frames);
    return client;
  };
  // Sends an example, with this run's token and epoch in it.
  const send = (client, type, name, { epoch } = {}) => {
    const { payload } = examplesOf('_command').find((example) => example.type === type && example.name === name);
    assert.equal(commandFault(payload), undefined);
    sent.add(`${type} ${name}`);
    const now = structuredClone(payload);
    if (now.token) now.token = ann.token;
    if (now.resume) now.resume.epoch = epoch;
    if (now.epoch) now.epoch = epoch;
    client.send(now);
  };
  const plain = async (user, roomId) => {
    const client = everything(await server.connect());
    client.send({ type: 'auth', token: user.token });
    await client.next('auth_success');
    if (!roomId) return client;
    client.send({ type: 'join_room', roomId });
    await client.next('room_joined');
    return client;
  };

  const client = everything(await server.connect());
  send(client, 'auth', 'token');
  const { epoch } = await client.next('auth_success');
  send(client, 'join_room', 'enter');
  await client.next('room_joined');
  send(client, 'chat_message', 'hello');
  await client.next('message_sent');
  send(client, 'chat_message', 'hello');
  await client.next('message_sent');
  send(client, 'chat_message', 'with_metadata');
  await client.next((frame) => frame.type === 'chat_message' && frame.messageType === 'build');
  send(client, 'chat_message', 'elsewhere');
  await client.next('error');
  send(client, 'get_recent_messages', 'newest');
  const page = await client.next('recent_messages');
  send(client, 'mark_read', 'read');
  await client.next((frame) => frame.type === 'read_update' && frame.ref);
  send(client, 'ping', 'ping');
  await client.next('pong');

  const other = await plain(bob, 'general');
  await client.next('user_joined');
  send(client, 'typing', 'begin');
  await other.next('typing');
  await server.call('PATCH', `/api/users/${bob.id}/status`, { token: bob.token, body: { is_online: true } });
  await client.next('user_status');
  await other.close();
  await client.next('user_left');
  await server.call('DELETE', `/api/messages/${page.messages[1].id}`, { token: ann.token });
  await client.next('message_deleted');

  const returned = everything(await server.connect());
  send(returned, 'auth', 'resume', { epoch });
  await returned.next('auth_success');
  await returned.next('gap');
  const again = await plain(ann);
  send(again, 'join_room', 'come_back', { epoch });
  await again.next('room_joined');
  again.send({ type: 'join_room', roomId: 'general', afterSeq: 0 });
  await again.next('gap');
  again.send({ type: 'get_recent_messages', roomId: 'general' });
  const history = await again.next('recent_messages');
  said.push(...history.messages);
  const three = [await plain(await server.user('cid'), 'large'), await plain(bob, 'large'), await plain(ann, 'large')];
  await three[0].next('presence_count');
  for (let i = 0; i < 40; ++i) again.send({ type: 'ping' });
  await again.next('notice');
  send(client, 'leave_room', 'leave');
  await client.next('room_left');
  const stopped = server.stop();
  await client.next('reconnect');
  await stopped;

  for (const { type, name } of examplesOf('_command')) assert.ok(sent.has(`${type} ${name}`), `${type} ${name} was not sent`);
  for (const { type, name, payload } of examplesOf('_frame')) {
    const alike = said.filter((frame) => frame.type === type);
    const found = alike.some((frame) => {
      try {
        assert.deepEqual(form(frame), form(payload));
        return true;
      } catch {
        return false;
      }
    });
    assert.ok(found, `no ${type} was like the example ${name}: ${JSON.stringify(alike).slice(0, 900)}`);
  }
  for (const { name, examples } of messages) assert.ok(examples.length > 0, `${name} has no example`);
});
