#include "store/accounts.hpp"

#include <sqlite3.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "chat/revocation.hpp"
#include "io/clock.hpp"
#include "store/mysql_database.hpp"
#include "store/mysql_rows.hpp"
#include "store/numbering.hpp"
#include "store/rows.hpp"
#include "store/schema.hpp"
#include "store/sqlite_database.hpp"
#include "store/sqlite_migrations.hpp"
#include "store/sqlite_rows.hpp"

namespace starling::store {
namespace {

tl::unexpected<base::Error> failure_of(const Database& database) {
  return base::failure("the database failed: " + database.failure());
}

// Beside a server that may run: what a killed one left in its log is for the next server to judge
// (SqliteArchive), so it is not brought in when this connection is the last one to close.
base::Result<std::unique_ptr<Database>> open_sqlite_beside(const std::string& path) {
  if (::access(path.c_str(), F_OK) != 0) {
    return base::failure("there is no database " + path + "; a server makes it when it starts",
                         ENOENT);
  }
  auto database = SqliteDatabase::open(path);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  sqlite3_db_config((*database)->raw(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  (*database)->run("PRAGMA synchronous = FULL");
  (*database)->run("PRAGMA wal_autocheckpoint = 0");
  const auto version = (*database)->number("SELECT max(version) FROM schema_migrations");
  if (!version || static_cast<std::size_t>(*version) != migrations().size()) {
    return base::failure(path +
                         " is no archive of this version of starling; a server brings it up to "
                         "date when it starts");
  }
  return database;
}

base::Result<std::unique_ptr<Database>> open_mysql_beside(const MysqlAddress& address) {
  const base::Result<SchemaStatus> schema = mysql_schema(address);
  if (!schema) return tl::make_unexpected(schema.error());
  if (schema->pending() != 0) {
    return base::failure("the database is not migrated; run: starling migrate up");
  }
  auto database = MysqlDatabase::open(address, MysqlDatabase::Use::reading);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  return database;
}

Account account_of(const Statement& row) {
  return {user_of(row), row.integer(6) != 0, row.integer(7) != 0};
}

std::string select_accounts(const std::string& which) {
  return "SELECT " + std::string{user_columns} + ", password_hash <> '', " +
         std::string{banned_everywhere} + " FROM users WHERE " + which;
}

}  // namespace

base::Result<std::unique_ptr<Accounts>> Accounts::open(const ArchiveOptions& options) {
  auto database =
      options.mysql ? open_mysql_beside(*options.mysql) : open_sqlite_beside(options.path);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  return std::unique_ptr<Accounts>{new Accounts{std::move(*database)}};
}

Accounts::Accounts(std::unique_ptr<Database> database) : database_(std::move(database)) {}
Accounts::~Accounts() = default;

base::Result<std::vector<Account>> Accounts::list(chat::UserId after, unsigned limit) {
  std::vector<Account> accounts;
  Statement rows{*database_, select_accounts("id > ? ORDER BY id LIMIT ?")};
  rows.with(io::wall_clock(), after, limit);
  while (rows.step()) accounts.push_back(account_of(rows));
  if (database_->failed()) return failure_of(*database_);
  return accounts;
}

base::Result<std::optional<Account>> Accounts::find(chat::UserId id, std::string_view name) {
  std::optional<Account> account;
  Statement rows{*database_, select_accounts(id != 0 ? "id = ?" : "username_key = ?")};
  const std::string key = fold_name(name);
  if (id != 0) {
    rows.with(io::wall_clock(), id);
  } else {
    rows.with(io::wall_clock(), key);
  }
  if (rows.step()) account = account_of(rows);
  if (database_->failed()) return failure_of(*database_);
  return account;
}

// By the writers' own rules (numbering.hpp), in a transaction like theirs.
base::Result<chat::UserId> Accounts::add(const chat::CreateUser& user) {
  const WriteRequestWithTicket request{chat::WriteRequest{user}, {}};
  std::unique_ptr<NumberingRows> rows;
  if (database_->shared()) {
    rows = std::make_unique<MysqlRows>(static_cast<MysqlDatabase&>(*database_));
  } else {
    rows = std::make_unique<SqliteRows>(static_cast<SqliteDatabase&>(*database_));
  }
  Numbering numbering{*rows, 0};
  begin(0);
  numbering.begin(io::wall_clock(), {&request, 1});
  std::vector<chat::Event> events;
  const chat::Reply reply = numbering.apply(request, events);
  if (!database_->failed()) numbering.finish();
  if (const base::Result<void> done = commit(); !done) return tl::make_unexpected(done.error());
  if (const auto* found = std::get_if<chat::UserFound>(&reply)) return found->user.id;
  return base::failure("there is a user of that name already", EEXIST);
}

base::Result<void> Accounts::set_password(chat::UserId user, const std::string& hash) {
  begin(user);
  Statement{*database_, "UPDATE users SET password_hash = ? WHERE id = ?"}
      .with(hash, user)
      .execute();
  return commit();
}

base::Result<void> Accounts::disable(chat::UserId user) {
  begin(user);
  Statement{*database_,
            std::string{database_->insert_or_ignore()} +
                " INTO restrictions (user_id, room_id, kind, until) VALUES (?, '*', 'ban', 0)"}
      .with(user)
      .execute();
  Statement{*database_,
            "UPDATE restrictions SET until = 0 WHERE user_id = ? AND room_id = '*' AND kind = "
            "'ban'"}
      .with(user)
      .execute();
  end_tokens(user, chat::UserRevocation::for_good);
  return commit();
}

base::Result<void> Accounts::enable(chat::UserId user) {
  begin(user);
  Statement{*database_,
            "DELETE FROM restrictions WHERE user_id = ? AND room_id = '*' AND kind = 'ban'"}
      .with(user)
      .execute();
  end_tokens(user, io::wall_clock());
  return commit();
}

// Of a user that is disabled, all tokens have ended already, for good.
base::Result<void> Accounts::revoke_tokens(chat::UserId user) {
  const auto account = find(user, {});
  if (!account) return tl::make_unexpected(account.error());
  if (*account && (*account)->disabled) return {};
  begin(user);
  end_tokens(user, io::wall_clock());
  return commit();
}

base::Result<bool> Accounts::revoked(chat::UserId user, std::string_view token_id,
                                     base::WallMs issued) {
  Statement rows{*database_, "SELECT token_id FROM revoked_tokens WHERE user_id = ?"};
  rows.with(user);
  bool found = false;
  while (rows.step()) {
    const auto whole = chat::UserRevocation::of(rows.text(0));
    found = found || (whole ? issued <= whole->issued_until : rows.text(0) == token_id);
  }
  if (database_->failed()) return failure_of(*database_);
  return found;
}

// Under the lock of the user's row: a batch that holds it has committed, or comes behind this.
void Accounts::begin(chat::UserId user) {
  database_->clear_failure();
  database_->run(database_->shared() ? "START TRANSACTION" : "BEGIN IMMEDIATE");
  if (user == 0 || !database_->shared()) return;
  Statement row{*database_, "SELECT id FROM users WHERE id = ? FOR UPDATE"};
  row.with(user).execute();
}

base::Result<void> Accounts::commit() {
  if (!database_->failed()) database_->run("COMMIT");
  if (!database_->failed()) return {};
  auto failure = failure_of(*database_);
  database_->clear_failure();
  if (database_->in_transaction()) database_->run("ROLLBACK");
  return failure;
}

// One row for each user, however often; it outlives every token that this server may have issued.
void Accounts::end_tokens(chat::UserId user, base::WallMs issued_until) {
  constexpr base::WallMs ten_years = 3'650 * base::WallMs{86'400'000};  // auth.token_days at most
  const std::string begin = chat::revocations_begin(user);
  const std::string all = begin + "%";
  Statement{*database_, "DELETE FROM revoked_tokens WHERE user_id = ? AND token_id LIKE ?"}
      .with(user, all)
      .execute();
  const std::string id = chat::UserRevocation{user, issued_until}.token_id();
  Statement{*database_,
            "INSERT INTO revoked_tokens (token_id, user_id, expires_at) VALUES (?, ?, ?)"}
      .with(id, user, io::wall_clock() + ten_years)
      .execute();
}

}  // namespace starling::store
