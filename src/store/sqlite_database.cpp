#include "store/sqlite_database.hpp"

#include <sqlite3.h>

#include <utility>

#include "base/check.hpp"

namespace starling::store {
namespace {

class SqliteCursor final : public Cursor {
 public:
  SqliteCursor(SqliteDatabase& database, std::string_view sql) : database_(database) {
    const int code = sqlite3_prepare_v3(database.raw(), sql.data(), static_cast<int>(sql.size()),
                                        SQLITE_PREPARE_PERSISTENT, &statement_, nullptr);
    if (code != SQLITE_OK) database.fail(prepare_failure_ = code);
  }
  ~SqliteCursor() override { sqlite3_finalize(statement_); }
  SqliteCursor(const SqliteCursor&) = delete;
  SqliteCursor& operator=(const SqliteCursor&) = delete;

  bool step() override {
    if (database_.failed()) return false;
    if (!statement_) return database_.fail(prepare_failure_), false;  // not "no rows"
    const int code = sqlite3_step(statement_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) database_.fail(code);
    return false;
  }

  void reset() override {
    if (statement_) sqlite3_reset(statement_);
  }

  std::int64_t integer(int column) const override {
    return sqlite3_column_int64(statement_, column);
  }

  std::string_view text(int column) const override {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
    if (!bytes) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
  }

  void bind(int index, std::int64_t value) override {
    if (!statement_) return;
    const int code = sqlite3_bind_int64(statement_, index, value);
    CHECK(code == SQLITE_OK);
  }

  void bind(int index, std::string_view text) override {
    if (!statement_) return;
    const char* bytes = text.data() ? text.data() : "";
    const int code =
        sqlite3_bind_text64(statement_, index, bytes, text.size(), SQLITE_STATIC, SQLITE_UTF8);
    if (code != SQLITE_OK) database_.fail(code);  // larger than SQLite's limit
  }

 private:
  SqliteDatabase& database_;
  sqlite3_stmt* statement_ = nullptr;
  int prepare_failure_ = SQLITE_OK;
};

}  // namespace

base::Result<std::unique_ptr<SqliteDatabase>> SqliteDatabase::open(const std::string& path) {
  // Counting its memory costs a lock for each allocation, and nobody reads the count.
  static const int uncounted = sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
  static_cast<void>(uncounted);  // refused where something has used SQLite before: it counts on
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
  return std::unique_ptr<SqliteDatabase>{new SqliteDatabase{connection}};
}

SqliteDatabase::~SqliteDatabase() { sqlite3_close_v2(connection_); }

bool SqliteDatabase::run(const std::string& sql) {
  const int code = sqlite3_exec(connection_, sql.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) fail(code);
  return code == SQLITE_OK;
}

std::unique_ptr<Cursor> SqliteDatabase::prepare(std::string_view sql) {
  return std::make_unique<SqliteCursor>(*this, sql);
}

void SqliteDatabase::fail(int code) { keep_failure(code, sqlite3_errmsg(connection_)); }

bool SqliteDatabase::in_transaction() const { return sqlite3_get_autocommit(connection_) == 0; }

// An unfinished statement would keep the read transaction open.
void SqliteDatabase::end_reading() {
  sqlite3_stmt* statement = nullptr;
  while ((statement = sqlite3_next_stmt(connection_, statement))) {
    if (sqlite3_stmt_busy(statement)) sqlite3_reset(statement);
  }
  if (in_transaction()) run("COMMIT");
}

}  // namespace starling::store
