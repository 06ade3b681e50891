// MySQL commits with every statement that changes a table, so a step is no transaction: each
// statement of it may be done again, and a step that was interrupted is done again from its start.
#include <algorithm>
#include <array>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/clock.hpp"
#include "starling/version.hpp"
#include "store/checksum.hpp"
#include "store/mysql_database.hpp"
#include "store/mysql_original.hpp"
#include "store/schema.hpp"

namespace starling::store {
namespace {

constexpr int lock_patience_s = 30;

// As SQLite's (sqlite_migrations.cpp): times are milliseconds since 1970, a row of `messages` is an
// event, text that identifies is compared byte by byte. A room with created_at = 0 is none yet: a
// row to be locked.
constexpr const char* first = R"sql(
CREATE TABLE IF NOT EXISTS users (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  username VARCHAR(255) NOT NULL,
  username_key VARBINARY(2000) NOT NULL,
  email VARCHAR(320) NOT NULL DEFAULT '',
  password_hash VARBINARY(255) NOT NULL DEFAULT '',
  created_at BIGINT NOT NULL,
  last_seen_at BIGINT NOT NULL DEFAULT 0,
  is_online TINYINT NOT NULL DEFAULT 0,
  UNIQUE KEY user_name (username_key),
  KEY users_online (is_online, id)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS rooms (
  id VARBINARY(255) NOT NULL PRIMARY KEY,
  head BIGINT UNSIGNED NOT NULL DEFAULT 0,
  messages BIGINT UNSIGNED NOT NULL DEFAULT 0,
  deleted BIGINT UNSIGNED NOT NULL DEFAULT 0,
  last_id BIGINT UNSIGNED NOT NULL DEFAULT 0,
  members BIGINT NOT NULL DEFAULT 0,
  created_at BIGINT NOT NULL DEFAULT 0
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS messages (
  id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
  room_id VARBINARY(255) NOT NULL,
  seq BIGINT UNSIGNED NOT NULL,
  kind TINYINT UNSIGNED NOT NULL,
  sender_id BIGINT UNSIGNED NOT NULL,
  sender_name VARCHAR(255) NOT NULL,
  content LONGTEXT NOT NULL,
  message_type VARCHAR(64) NOT NULL,
  metadata LONGTEXT NOT NULL,
  client_message_id VARBINARY(255) NOT NULL,
  created_at BIGINT NOT NULL,
  messages_before BIGINT UNSIGNED NOT NULL,
  prev_id BIGINT UNSIGNED NOT NULL,
  of_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  of_id BIGINT UNSIGNED NOT NULL DEFAULT 0,
  deleted TINYINT NOT NULL DEFAULT 0,
  UNIQUE KEY message_place (room_id, seq),
  UNIQUE KEY message_key (room_id, sender_id, client_message_id),
  KEY messages_deleted (room_id, deleted, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS members (
  user_id BIGINT UNSIGNED NOT NULL,
  room_id VARBINARY(255) NOT NULL,
  joined_at BIGINT NOT NULL,
  read_seq BIGINT UNSIGNED NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, room_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS restrictions (
  user_id BIGINT UNSIGNED NOT NULL,
  room_id VARBINARY(255) NOT NULL,
  kind ENUM('mute', 'ban') NOT NULL,
  until BIGINT NOT NULL DEFAULT 0,
  PRIMARY KEY (user_id, room_id, kind)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS revoked_tokens (
  token_id VARBINARY(255) NOT NULL PRIMARY KEY,
  user_id BIGINT UNSIGNED NOT NULL,
  expires_at BIGINT NOT NULL,
  KEY revoked_tokens_expiry (expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

CREATE TABLE IF NOT EXISTS meta (
  name VARBINARY(64) NOT NULL PRIMARY KEY,
  value BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin;

INSERT IGNORE INTO meta VALUES ('next_message_id', 1), ('users', 0),
  ('epoch', CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED))
)sql";

struct Step {
  int version;
  std::string_view name;
  std::string_view sql;          // statements, each ends with ';' and an empty line
  bool (*also)(MysqlDatabase&);  // what SQL alone cannot do; nullptr: nothing
};

constexpr std::array steps{Step{1, "users, rooms, messages, members", first, nullptr},
                           Step{2, "what the PHP original kept", "", take_over_original}};

constexpr const char* history =
    "CREATE TABLE IF NOT EXISTS schema_migrations (version INT NOT NULL PRIMARY KEY, name "
    "VARCHAR(255) NOT NULL, checksum VARCHAR(64) NOT NULL, applied_at BIGINT NOT NULL, app_version "
    "VARCHAR(64) NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin";

tl::unexpected<base::Error> schema_failure(const MysqlDatabase& database) {
  return base::failure("the database cannot be migrated: " + database.failure());
}

bool has_table(MysqlDatabase& database, std::string_view name) {
  Statement find{database,
                 "SELECT 1 FROM information_schema.tables WHERE table_schema = DATABASE() AND "
                 "table_name = ?"};
  return find.with(name).step();
}

base::Result<SchemaStatus> status_of(MysqlDatabase& database) {
  SchemaStatus status;
  for (const Step& step : steps) status.steps.push_back({step.version, std::string{step.name}, 0});
  status.has_original = has_original(database);
  if (has_table(database, "schema_migrations")) {
    Statement rows{database, "SELECT version, checksum, applied_at FROM schema_migrations"};
    while (rows.step()) {
      const auto version = static_cast<std::size_t>(rows.integer(0));
      if (version > steps.size()) {
        return base::failure("the database was made by a newer version of starling (schema " +
                             std::to_string(version) + ", this program knows " +
                             std::to_string(steps.size()) +
                             "); run that version, or restore a copy");
      }
      if (rows.text(1) != checksum(steps.at(version - 1).sql)) {
        return base::failure("step " + std::to_string(version) +
                             " of the database's schema is not the one of this program: it was "
                             "made by another build; run that build, or restore a copy");
      }
      status.steps[version - 1].applied_at = rows.integer(2);
    }
  }
  if (database.failed()) return schema_failure(database);
  return status;
}

bool run_all(MysqlDatabase& database, std::string_view sql) {
  constexpr std::string_view end = ";\n\n";
  while (!sql.empty()) {
    const std::size_t at = sql.find(end);
    const std::string_view statement = sql.substr(0, at);
    sql = at == std::string_view::npos ? std::string_view{} : sql.substr(at + end.size());
    if (!database.run(std::string{statement})) return false;
  }
  return true;
}

base::Result<void> apply(MysqlDatabase& database, const Step& step) {
  const bool done = run_all(database, step.sql) && (!step.also || step.also(database));
  Statement{database, "INSERT INTO schema_migrations VALUES (?, ?, ?, ?, ?)"}
      .with(step.version, step.name, checksum(step.sql), io::wall_clock(),
            std::string_view{starling::version})
      .execute();
  if (!done || database.failed()) return schema_failure(database);
  return {};
}

}  // namespace

std::size_t SchemaStatus::pending() const {
  return static_cast<std::size_t>(
      std::ranges::count(steps, base::WallMs{0}, &SchemaStep::applied_at));
}

base::Result<SchemaStatus> mysql_schema(const MysqlAddress& address) {
  auto database = MysqlDatabase::open(address, MysqlDatabase::Use::reading);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  return status_of(**database);
}

base::Result<void> migrate_mysql(const MysqlAddress& address,
                                 const std::function<void(const SchemaStep&)>& done) {
  auto opened = MysqlDatabase::open(address, MysqlDatabase::Use::migrating);
  if (!opened) return tl::make_unexpected(std::move(opened.error()));
  MysqlDatabase& database = **opened;
  // One at a time; it ends with the connection.
  const auto locked = database.number("SELECT GET_LOCK(CONCAT('starling.', DATABASE()), " +
                                      std::to_string(lock_patience_s) + ")");
  if (locked != 1) {
    return base::failure("another migration of this database is running: wait until it is done");
  }
  set_original_aside(database);
  database.run(history);
  if (database.failed()) return schema_failure(database);
  const base::Result<SchemaStatus> status = status_of(database);
  if (!status) return tl::make_unexpected(status.error());
  for (const SchemaStep& step : status->steps) {
    if (step.applied_at != 0) continue;
    const auto& known = steps.at(static_cast<std::size_t>(step.version) - 1);
    if (auto applied = apply(database, known); !applied) return applied;
    done(step);
  }
  return {};
}

}  // namespace starling::store
