// SQLite's C API behind store/database.hpp.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "store/database.hpp"

struct sqlite3;

namespace starling::store {

class SqliteDatabase final : public Database {
 public:
  // Opens or creates the file.
  static base::Result<std::unique_ptr<SqliteDatabase>> open(const std::string& path);
  ~SqliteDatabase() override;

  bool run(const std::string& sql) override;
  std::unique_ptr<Cursor> prepare(std::string_view sql) override;
  bool in_transaction() const override;
  void begin_reading() override { run("BEGIN"); }
  void end_reading() override;
  std::string_view insert_or_ignore() const override { return "INSERT OR IGNORE"; }

  // SQLite's extended result code, from its cursors.
  void fail(int code);
  sqlite3* raw() const { return connection_; }

 private:
  explicit SqliteDatabase(sqlite3* connection) : connection_(connection) {}

  sqlite3* connection_;
};

}  // namespace starling::store
