#include "store/sqlite.hpp"

#include <sqlite3.h>

#include <utility>

#include "base/check.hpp"

namespace starling::store {

base::Result<Database> Database::open(const std::string& path) {
  sqlite3* connection = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &connection, flags, nullptr);
  if (code != SQLITE_OK) {
    std::string message = "cannot open the database " + path + ": ";
    message += connection ? sqlite3_errmsg(connection) : sqlite3_errstr(code);
    sqlite3_close(connection);
    return base::failure(std::move(message));
  }
  sqlite3_extended_result_codes(connection, 1);
  sqlite3_busy_timeout(connection, 5'000);
  return Database{connection};
}

Database::Database(Database&& other) noexcept
    : connection_(std::exchange(other.connection_, nullptr)),
      failure_code_(other.failure_code_),
      failure_(std::move(other.failure_)) {}

Database::~Database() { sqlite3_close_v2(connection_); }

bool Database::run(const char* sql) {
  const int code = sqlite3_exec(connection_, sql, nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
  return code == SQLITE_OK;
}

std::optional<std::int64_t> Database::number(const char* sql) {
  Statement statement{*this, sql};
  if (!statement.step()) return std::nullopt;
  return statement.integer(0);
}

void Database::clear_failure() {
  failure_code_ = 0;
  failure_.clear();
}

void Database::fail(int code) {
  if (failed()) return;
  failure_code_ = code;
  failure_ = sqlite3_errmsg(connection_);
}

bool Database::in_transaction() const { return sqlite3_get_autocommit(connection_) == 0; }

void Database::reset_statements() {
  sqlite3_stmt* statement = nullptr;
  while ((statement = sqlite3_next_stmt(connection_, statement))) {
    if (sqlite3_stmt_busy(statement)) sqlite3_reset(statement);
  }
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
  const int code = sqlite3_prepare_v3(database.raw(), sql.data(), static_cast<int>(sql.size()),
                                      SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
  if (code != SQLITE_OK) database.fail(code);
}

Statement::~Statement() { sqlite3_finalize(statement_); }

bool Statement::step() {
  if (!statement_ || database_.failed()) return false;
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code != SQLITE_DONE) database_.fail(code);
  return false;
}

void Statement::reset() {
  if (statement_) sqlite3_reset(statement_);
}

std::int64_t Statement::integer(int column) const {
  return sqlite3_column_int64(statement_, column);
}

std::string_view Statement::text(int column) const {
  const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (!bytes) return {};
  return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

void Statement::bind(int index, std::int64_t value) {
  if (!statement_) return;
  const int code = sqlite3_bind_int64(statement_, index, value);
  CHECK(code == SQLITE_OK);
}

void Statement::bind(int index, std::string_view text) {
  if (!statement_) return;
  const char* bytes = text.data() ? text.data() : "";
  const int code =
      sqlite3_bind_text64(statement_, index, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8);
  if (code != SQLITE_OK) database_.fail(code);  // larger than SQLite's limit
}

}  // namespace starling::store
