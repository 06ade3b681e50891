#include "store/sqlite_migrations.hpp"

#include <string>

#include "io/clock.hpp"
#include "starling/version.hpp"
#include "store/checksum.hpp"

namespace starling::store {
namespace {

// The tables `users` and `messages` keep the columns of the PHP original and add to them. Times are
// milliseconds since 1970. A row of `messages` is an event: kind 0 a message, 1 a deletion. Text
// that identifies is compared byte by byte (SQLite's BINARY).
constexpr const char* first = R"sql(
CREATE TABLE users (
  id INTEGER PRIMARY KEY,
  username TEXT NOT NULL,
  username_key TEXT NOT NULL UNIQUE,  -- folded: names are unique without regard to case
  email TEXT NOT NULL DEFAULT '',
  password_hash TEXT NOT NULL DEFAULT '',
  created_at INTEGER NOT NULL,
  last_seen_at INTEGER NOT NULL DEFAULT 0,
  is_online INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX users_online ON users (id) WHERE is_online = 1;

CREATE TABLE rooms (
  id TEXT PRIMARY KEY,
  head INTEGER NOT NULL DEFAULT 0,      -- seq of the newest event
  messages INTEGER NOT NULL DEFAULT 0,  -- events that are messages, deleted ones included
  deleted INTEGER NOT NULL DEFAULT 0,   -- messages that were deleted
  last_id INTEGER NOT NULL DEFAULT 0,   -- id of the newest event
  members INTEGER NOT NULL DEFAULT 0,
  created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE messages (
  id INTEGER PRIMARY KEY,
  room_id TEXT NOT NULL,
  seq INTEGER NOT NULL,
  kind INTEGER NOT NULL,
  sender_id INTEGER NOT NULL,
  sender_name TEXT NOT NULL,
  content TEXT NOT NULL,
  message_type TEXT NOT NULL,
  metadata TEXT NOT NULL,
  client_message_id TEXT NOT NULL,  -- a key made by the server begins with a control character
  created_at INTEGER NOT NULL,
  messages_before INTEGER NOT NULL,
  prev_id INTEGER NOT NULL,
  of_seq INTEGER NOT NULL DEFAULT 0,
  of_id INTEGER NOT NULL DEFAULT 0,
  deleted INTEGER NOT NULL DEFAULT 0,
  UNIQUE (room_id, seq),
  UNIQUE (room_id, sender_id, client_message_id)
) STRICT;
CREATE INDEX messages_deleted ON messages (room_id, seq) WHERE deleted = 1;

CREATE TABLE members (
  user_id INTEGER NOT NULL,
  room_id TEXT NOT NULL,
  joined_at INTEGER NOT NULL,
  read_seq INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, room_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE restrictions (  -- looked at under the lock of the transaction that numbers
  user_id INTEGER NOT NULL,
  room_id TEXT NOT NULL,     -- '*': every room
  kind TEXT NOT NULL CHECK (kind IN ('mute', 'ban')),
  until INTEGER NOT NULL DEFAULT 0,  -- 0: for ever
  PRIMARY KEY (user_id, room_id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE revoked_tokens (
  token_id TEXT PRIMARY KEY,
  user_id INTEGER NOT NULL,
  expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX revoked_tokens_expiry ON revoked_tokens (expires_at);

CREATE TABLE meta (key TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
INSERT INTO meta VALUES ('next_message_id', 1);
)sql";

constexpr Migration all[] = {{1, "users, rooms, messages, members", first}};

tl::unexpected<base::Error> database_failure(const Database& database) {
  return base::failure("the database cannot be migrated: " + database.failure());
}

// The newest version that the database has; fails where its history is not a part of ours.
base::Result<int> version_of(Database& database, std::span<const Migration> steps) {
  Statement rows{database, "SELECT version, checksum FROM schema_migrations ORDER BY version"};
  int version = 0;
  while (rows.step()) {
    version = static_cast<int>(rows.integer(0));
    if (version > static_cast<int>(steps.size())) {
      return base::failure("the database was made by a newer version of starling (schema " +
                           std::to_string(version) + ", this program knows " +
                           std::to_string(steps.size()) + "); run that version, or restore a copy");
    }
    if (rows.text(1) != checksum(steps[static_cast<std::size_t>(version) - 1].sql)) {
      return base::failure("step " + std::to_string(version) +
                           " of the database's schema is not the one of this program: it was made "
                           "by another build; run that build, or restore a copy");
    }
  }
  if (database.failed()) return database_failure(database);
  return version;
}

}  // namespace

std::span<const Migration> migrations() { return all; }

base::Result<void> migrate(Database& database, std::span<const Migration> steps) {
  database.run(
      "CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY, name TEXT NOT "
      "NULL, checksum TEXT NOT NULL, applied_at INTEGER NOT NULL, app_version TEXT NOT NULL) "
      "STRICT");
  if (database.failed()) return database_failure(database);
  const base::Result<int> version = version_of(database, steps);
  if (!version) return tl::make_unexpected(version.error());
  for (const Migration& step : steps.subspan(static_cast<std::size_t>(*version))) {
    database.run("BEGIN IMMEDIATE");
    database.run(step.sql);
    Statement{database, "INSERT INTO schema_migrations VALUES (?, ?, ?, ?, ?)"}
        .with(step.version, step.name, checksum(step.sql), io::wall_clock(),
              std::string_view{starling::version})
        .execute();
    if (!database.failed()) database.run("COMMIT");
    if (database.failed()) {
      auto failure = database_failure(database);
      if (database.in_transaction()) database.run("ROLLBACK");
      return failure;
    }
  }
  return {};
}

}  // namespace starling::store
