// The tables of src/store/mysql_schema.cpp in SQLite's words, and triggers that name the rows which
// a statement locks by writing them.
#pragma once

namespace starling::sim {

inline constexpr const char* mysql_schema = R"sql(
CREATE TABLE users (
  id INTEGER NOT NULL PRIMARY KEY,
  username TEXT NOT NULL,
  username_key TEXT NOT NULL UNIQUE,
  email TEXT NOT NULL DEFAULT '',
  password_hash TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL DEFAULT 0,
  is_online INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE rooms (
  id TEXT NOT NULL PRIMARY KEY,
  head INTEGER NOT NULL DEFAULT 0,
  messages INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  last_id INTEGER NOT NULL DEFAULT 0,
  members INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE messages (
  id INTEGER NOT NULL PRIMARY KEY,
  room_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  sender_id INTEGER NOT NULL,
  sender_name TEXT NOT NULL,
  content TEXT NOT NULL,
  message_type TEXT NOT NULL,
  metadata TEXT NOT NULL,
  client_message_id TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  messages_before INTEGER NOT NULL,
  prev_id INTEGER NOT NULL,
  of_seq INTEGER NOT NULL DEFAULT 0,
  of_id INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  UNIQUE (room_id, seq),
  UNIQUE (room_id, sender_id, client_message_id)
);
CREATE TABLE members (
  user_id INTEGER NOT NULL,
  room_id TEXT NOT NULL,
  joined_at INTEGER NOT NULL,
  read_seq INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, room_id)
);
CREATE TABLE restrictions (
  user_id INTEGER NOT NULL,
  room_id TEXT NOT NULL,
  kind TEXT NOT NULL,
  until INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, room_id, kind)
);
CREATE TABLE revoked_tokens (
  token_id TEXT NOT NULL PRIMARY KEY,
  user_id INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
);
CREATE TABLE meta (name TEXT NOT NULL PRIMARY KEY, value INTEGER NOT NULL);
INSERT INTO meta VALUES ('next_message_id', 1), ('users', 0), ('epoch', 1700000000000);

CREATE TRIGGER users_new AFTER INSERT ON users BEGIN
  SELECT touch('users:' || NEW.id), touch('users:name:' || NEW.username_key); END;
CREATE TRIGGER users_changed AFTER UPDATE ON users BEGIN SELECT touch('users:' || NEW.id); END;
CREATE TRIGGER rooms_new AFTER INSERT ON rooms BEGIN SELECT touch('rooms:' || NEW.id); END;
CREATE TRIGGER rooms_changed AFTER UPDATE ON rooms BEGIN SELECT touch('rooms:' || NEW.id); END;
CREATE TRIGGER messages_new AFTER INSERT ON messages BEGIN
  SELECT touch('messages:' || NEW.id),
    touch('messages:place:' || NEW.room_id || '/' || NEW.seq),
    touch('messages:key:' || NEW.room_id || '/' || NEW.sender_id || '/' || NEW.client_message_id);
  END;
CREATE TRIGGER messages_changed AFTER UPDATE ON messages BEGIN
  SELECT touch('messages:' || NEW.id); END;
CREATE TRIGGER members_new AFTER INSERT ON members BEGIN
  SELECT touch('members:' || NEW.user_id || '/' || NEW.room_id); END;
CREATE TRIGGER members_changed AFTER UPDATE ON members BEGIN
  SELECT touch('members:' || NEW.user_id || '/' || NEW.room_id); END;
CREATE TRIGGER members_gone AFTER DELETE ON members BEGIN
  SELECT touch('members:' || OLD.user_id || '/' || OLD.room_id); END;
CREATE TRIGGER revoked_new AFTER INSERT ON revoked_tokens BEGIN
  SELECT touch('revoked_tokens:' || NEW.token_id); END;
CREATE TRIGGER revoked_gone AFTER DELETE ON revoked_tokens BEGIN
  SELECT touch('revoked_tokens:' || OLD.token_id); END;
CREATE TRIGGER meta_changed AFTER UPDATE ON meta BEGIN SELECT touch('meta:' || NEW.name); END;
)sql";

}  // namespace starling::sim
