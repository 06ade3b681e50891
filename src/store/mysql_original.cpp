#include "store/mysql_original.hpp"

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "store/mysql_insertion.hpp"
#include "store/rows.hpp"

namespace starling::store {
namespace {

// `table` and whether it has that column.
bool has_column(MysqlDatabase& database, std::string_view table, std::string_view column) {
  Statement find{database,
                 "SELECT 1 FROM information_schema.columns WHERE table_schema = DATABASE() AND "
                 "table_name = ? AND column_name = ?"};
  return find.with(table, column).step();
}

bool has_own_names(MysqlDatabase& database) {
  return has_column(database, "messages", "sender_id") && !has_column(database, "messages", "seq");
}

bool was_set_aside(MysqlDatabase& database) {
  return has_column(database, "original_messages", "sender_id");
}

struct OriginalUser {
  chat::UserId id = 0;
  std::string username, email;
  base::WallMs created_at = 0, last_seen_at = 0;
};

std::vector<OriginalUser> original_users(MysqlDatabase& database) {
  Statement rows{
      database,
      "SELECT id, username, COALESCE(email, ''), COALESCE(UNIX_TIMESTAMP(created_at), 0) * 1000, "
      "COALESCE(UNIX_TIMESTAMP(last_seen_at), 0) * 1000 FROM original_users ORDER BY id"};
  std::vector<OriginalUser> users;
  while (rows.step()) {
    users.push_back({rows.natural(0), std::string{rows.text(1)}, std::string{rows.text(2)},
                     rows.integer(3), rows.integer(4)});
  }
  return users;
}

// Names that only differ in what we do not tell apart: the first one keeps its place, the others
// are found by id alone.
void copy_users(MysqlDatabase& database) {
  std::set<std::string> taken;
  MysqlInsertion rows{database,
                      "INSERT INTO users (id, username, username_key, email, created_at, "
                      "last_seen_at) VALUES "};
  for (const OriginalUser& user : original_users(database)) {
    std::string key = fold_name(user.username);
    if (!taken.insert(key).second) key = own_key_mark + std::to_string(user.id);
    rows.number(user.id);
    rows.text(user.username);
    rows.text(key);
    rows.text(user.email);
    rows.number(user.created_at);
    rows.number(user.last_seen_at);
    rows.end_row();
  }
  rows.flush();
}

constexpr const char* copy_messages =
    "INSERT INTO messages (id, room_id, seq, kind, sender_id, sender_name, content, message_type, "
    "metadata, client_message_id, created_at, messages_before, prev_id) "
    "SELECT m.id, CAST(m.room_id AS BINARY), ROW_NUMBER() OVER room, 0, COALESCE(m.sender_id, 0), "
    "COALESCE(u.username, ''), m.content, COALESCE(m.message_type, 'text'), "
    "COALESCE(m.metadata, ''), CONCAT(CHAR(1), m.id), UNIX_TIMESTAMP(m.created_at) * 1000, "
    "ROW_NUMBER() OVER room - 1, COALESCE(LAG(m.id) OVER room, 0) "
    "FROM original_messages m LEFT JOIN original_users u ON u.id = m.sender_id "
    "WINDOW room AS (PARTITION BY CAST(m.room_id AS BINARY) ORDER BY m.created_at, m.id)";

constexpr const char* count_rooms =
    "INSERT INTO rooms (id, head, messages, last_id, created_at) "
    "SELECT r.room_id, r.head, r.head, l.id, r.begun FROM (SELECT room_id, MAX(seq) AS head, "
    "MIN(created_at) AS begun FROM messages GROUP BY room_id) r "
    "JOIN messages l ON l.room_id = r.room_id AND l.seq = r.head";

}  // namespace

bool has_original(MysqlDatabase& database) {
  return has_own_names(database) || was_set_aside(database);
}

void set_original_aside(MysqlDatabase& database) {
  if (!has_own_names(database)) return;
  database.run("RENAME TABLE users TO original_users, messages TO original_messages");
}

bool take_over_original(MysqlDatabase& database) {
  if (!was_set_aside(database)) return !database.failed();
  database.run("START TRANSACTION");
  const auto there = database.number("SELECT EXISTS (SELECT 1 FROM users)");
  if (there == 0) {  // else it was copied, and only the note of it is missing
    copy_users(database);
    database.run(copy_messages);
    database.run(count_rooms);
    database.run(
        "UPDATE meta SET value = GREATEST(value, (SELECT COALESCE(MAX(id), 0) + 1 FROM messages)) "
        "WHERE name = 'next_message_id'");
  }
  if (!database.failed() && database.run("COMMIT")) return true;
  return false;  // the transaction ends with the connection
}

}  // namespace starling::store
