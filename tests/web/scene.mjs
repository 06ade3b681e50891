// A place where people have been talking for two days: what screenshots and the check of accessibility look at.
import { changeDatabase, password } from './harness.mjs';

const talk = [
  ['Mira', 'Good morning! The release candidate is on staging since last night.'],
  ['Mira', 'No regressions in the smoke tests so far. I left the load test running over **two hours** at 50,000 connections.'],
  ['Tomás', 'Nice. How does the memory look?'],
  ['Mira', 'Flat:\n\n- after start: `212 MB`\n- after one hour: `214 MB`\n- after two: `214 MB`'],
  ['Yoko', 'Wonderful!'],
  ['Aylin', '> Flat\n\nThen the leak was in the old client after all. I will close the ticket.'],
  ['Tomás', 'I can reproduce one thing: if the connection is cut while a message is on its way, the clock beside it stays. '
    + 'It is only the picture, the message itself arrives. This is what I do:'],
  ['Tomás', '```js\nconst socket = await open(url);\nsocket.send(message);\nsocket.terminate();          // before the acknowledgement\nawait reconnect({ resume: { epoch, rooms: { general: 41 } } });\n```'],
  ['Mira', 'Seen. The state is taken from the old row. Fix is in https://example.org/starling/changes/1207 — could you have a look?'],
  ['Aylin', 'Looking.'],
  ['Aylin', 'Approved. One question about naming, otherwise *ship it*.'],
  ['Mira', 'Thanks both! Then let us tag at 14:00.'],
  ['نور', 'رائع، سأحدّث صفحة الحالة قبل ذلك.'],
  ['Tomás', 'I will watch the dashboards. ~~Friday deploys~~ Thursday deploys are fine.'],
  ['Yoko', 'Release notes are ready for review, see the **docs** room.'],
];

const asides = { design: ['Aylin', 'The new icons are in the shared folder'], docs: ['Yoko', 'Draft of the release notes: please comment'],
  coffee: ['Tomás', 'Who takes the last croissant?'], oncall: ['Mira', 'Quiet night, nothing to hand over'] };

const unread = [['Yoko', 'docs', 'Now with the upgrade notes, please look again'], ['Aylin', 'docs', 'Will do'], ['Tomás', 'coffee', 'Too late']];

// Fills the server's rooms; what was said first is from yesterday. Answers the people by name; `me` is the
// reader, a member of all rooms, with unread messages in two of them.
export async function fillScene(server) {
  const people = {};
  for (const name of ['Mira', 'Tomás', 'Yoko', 'Aylin', 'نور']) people[name] = await named(server, name);
  const say = async (name, room, content) => {
    const { status, body } = await server.call('POST', '/api/messages', { token: people[name].token, body: { content, room_id: room } });
    if (status !== 201) throw new Error(JSON.stringify(body));
  };
  const me = await server.user('Sam', { password });
  for (const [name, content] of talk) await say(name, 'general', content);
  for (const [room, [name, content]] of Object.entries(asides)) await say(name, room, content);
  for (const room of ['general', ...Object.keys(asides)]) {
    const client = await server.member(me, room);
    client.send({ type: 'mark_read', roomId: room, seq: client.joined.headSeq });
    await client.settle();
    await client.close();
  }
  for (const [name, room, content] of unread) await say(name, room, content);
  await server.stop();
  const day_ms = 24 * 3600 * 1000;
  changeDatabase(server, `UPDATE messages SET created_at = created_at - ${day_ms} + seq * 240000 WHERE room_id = 'general' AND seq <= 6`);
  changeDatabase(server, `UPDATE messages SET created_at = created_at - 5400000 + seq * 200000 WHERE room_id = 'general' AND seq > 6`);
  await server.start();
  return { me, people, say };
}

async function named(server, username) {
  const email = `${Buffer.from(username).toString('hex')}@example.org`;
  const { status, body } = await server.call('POST', '/api/users', { body: { username, email } });
  if (status !== 201) throw new Error(JSON.stringify(body));
  return { ...body.user, token: body.token };
}
