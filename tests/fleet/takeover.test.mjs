// A database of the PHP chat becomes this server's: every row as it was, and the chat goes on from there.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Server, UNLIMITED, run } from '../e2e/harness.mjs';
import { startMariadb } from './mariadb.mjs';

const MESSAGES = Number(process.env.STARLING_TAKEOVER_MESSAGES ?? 100_000);
const USERS = 100;
const config = `[auth]\nmode = "open"\n[limits]\n${UNLIMITED}`;
// As the original's own migration makes them.
const tables = `
  CREATE TABLE users (id INT AUTO_INCREMENT PRIMARY KEY, username VARCHAR(255) NOT NULL UNIQUE, email VARCHAR(255) NOT NULL,
    created_at DATETIME NOT NULL, last_seen_at DATETIME DEFAULT NULL, is_online TINYINT(1) NOT NULL DEFAULT 0)
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci ENGINE = InnoDB;
  CREATE TABLE messages (id INT AUTO_INCREMENT PRIMARY KEY, sender_id INT NOT NULL, content LONGTEXT NOT NULL,
    created_at DATETIME NOT NULL, room_id VARCHAR(50) NOT NULL, message_type VARCHAR(20) NOT NULL, metadata JSON DEFAULT NULL)
    DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci ENGINE = InnoDB;`;
// Ten rooms; ids and times disagree now and then, as they do where several processes write.
const rows = `
  INSERT INTO users SELECT seq, CONCAT('user ', seq, ' 🐦'), CONCAT('user', seq, '@example.org'), '2021-03-04 05:06:07', '2022-03-04 05:06:07', 1
    FROM seq_1_to_${USERS};
  INSERT INTO messages SELECT seq, 1 + seq % ${USERS}, CONCAT('<b>', seq, '</b> 🐦 "quoted"\\n'),
    FROM_UNIXTIME(1650000000 + seq DIV 7 - IF(seq % 11 = 0, 60, 0)), CONCAT('room-', seq % 10), 'text', IF(seq % 5 = 0, JSON_OBJECT('n', seq), NULL)
    FROM seq_1_to_${MESSAGES};`;

let mariadb;
before(async () => (mariadb = await startMariadb()));
after(() => mariadb.dispose());

test(`${MESSAGES} messages of the original are taken over as they are`, { timeout: 300_000 }, async (t) => {
  const url = await mariadb.database('original');
  const query = (sql) => mariadb.query(sql, 'original');
  await query(tables);
  await query(rows);
  const env = { STARLING_STORE__URL: url };
  const migrate = (...args) => run(['migrate', ...args], { env });

  const refused = await run(['serve', '--port', '0', '--admin', '127.0.0.1:0'], { env });
  assert.equal(refused.code, 78);
  assert.match(refused.stderr, /starling migrate up/);
  const dry = await migrate('up', '--dry-run');
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(String(await query("SHOW TABLES LIKE 'rooms'")), /^\s*$/);
  const began = performance.now();
  const up = await migrate('up');
  assert.equal(up.code, 0, up.stderr);
  t.diagnostic(`taken over in ${Math.round(performance.now() - began)} ms`);
  const again = await migrate('up');
  assert.equal(again.code, 0, again.stderr);

  // Row by row, and the order of each room by (created_at, id).
  const different = await query(`SELECT COUNT(*) FROM original_messages o LEFT JOIN messages m ON m.id = o.id WHERE m.id IS NULL
    OR BINARY m.content <> BINARY o.content OR m.sender_id <> o.sender_id OR m.created_at <> UNIX_TIMESTAMP(o.created_at) * 1000
    OR m.room_id <> BINARY o.room_id OR m.metadata <> COALESCE(o.metadata, '') OR m.message_type <> o.message_type`);
  assert.equal(Number(different), 0);
  assert.equal(Number(await query('SELECT COUNT(*) FROM messages')), MESSAGES);
  const misplaced = await query(`SELECT COUNT(*) FROM (SELECT m.seq, ROW_NUMBER() OVER (PARTITION BY o.room_id ORDER BY o.created_at, o.id) AS place
    FROM original_messages o JOIN messages m ON m.id = o.id) places WHERE seq <> place`);
  assert.equal(Number(misplaced), 0);
  assert.equal(Number(await query('SELECT COUNT(*) FROM users u JOIN original_users o USING (id, username, email)')), USERS);

  const server = await Server.start({ config, env });
  try {
    const found = await server.call('GET', `/api/users/username/${encodeURIComponent('user 7 🐦')}`);
    assert.equal(found.status, 200);
    assert.equal(found.body.id, 7);
    const each = MESSAGES / 10;
    const page = await server.call('GET', '/api/messages/room/room-3/recent?limit=50');
    assert.deepEqual(page.body.messages.map(({ seq }) => seq), Array.from({ length: 50 }, (_, i) => each - 49 + i));
    const posted = await server.call('POST', '/api/messages', { body: { content: 'on we go', room_id: 'room-3', sender_id: 7 } });
    assert.equal(posted.status, 201);
    assert.equal(posted.body.data.seq, each + 1);
    assert.ok(posted.body.data.id > MESSAGES);
  } finally {
    await server.dispose();
  }
});
