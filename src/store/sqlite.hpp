// SQLite's C API as two small classes. Errors do not have to be looked at after every call: the
// first one sticks to its Database until clear_failure(), and every later step fails, so a
// transaction looks once before it commits.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"

struct sqlite3;
struct sqlite3_stmt;

namespace starling::store {

class Database {
 public:
  // Opens or creates the file.
  static base::Result<Database> open(const std::string& path);
  Database(Database&& other) noexcept;
  Database& operator=(Database&&) = delete;
  ~Database();

  // Runs SQL text without parameters and results. False: it failed, see failure().
  bool run(const char* sql);
  // The first column of the first row; nothing without a row or after a failure.
  std::optional<std::int64_t> number(const char* sql);

  bool failed() const { return failure_code_ != 0; }
  int failure_code() const { return failure_code_; }  // SQLite's extended result code, 0: none
  const std::string& failure() const { return failure_; }
  void clear_failure();
  void fail(int code);  // called by statements

  bool in_transaction() const;
  // Ends the use of every statement: an unfinished one would keep a read transaction open.
  void reset_statements();
  sqlite3* raw() const { return connection_; }

 private:
  explicit Database(sqlite3* connection) : connection_(connection) {}

  sqlite3* connection_;
  int failure_code_ = 0;
  std::string failure_;
};

// A prepared statement, kept and used again. Lives on its database's thread and no longer than it.
class Statement {
 public:
  Statement(Database& database, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Ends the last use, and binds parameters 1, 2, ... of the next. Text is not copied: it must live
  // until the last step(). Empty text is bound as text, not as NULL.
  template <typename... Values>
  Statement& with(const Values&... values) {
    reset();
    int index = 0;
    (bind(++index, values), ...);
    return *this;
  }

  // True: a row. False: no more rows, or a failure of the database.
  bool step();
  // Runs a statement that has no rows.
  void execute() { static_cast<void>(step()), reset(); }
  // Frees what the statement holds (locks, text); done by the next with() otherwise.
  void reset();

  // Column 0, 1, ... of the current row; text is valid until the next step.
  std::int64_t integer(int column) const;
  std::uint64_t natural(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  std::string_view text(int column) const;  // of NULL: empty

 private:
  void bind(int index, std::int64_t value);
  void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, int value) { bind(index, std::int64_t{value}); }
  void bind(int index, unsigned value) { bind(index, std::int64_t{value}); }
  void bind(int index, bool value) { bind(index, std::int64_t{value}); }
  void bind(int index, std::string_view text);
  void bind(int index, const std::string& text) { bind(index, std::string_view{text}); }

  Database& database_;
  sqlite3_stmt* statement_ = nullptr;
};

// Opens and closes a read transaction, so that several queries see one state.
class ReadTransaction {
 public:
  explicit ReadTransaction(Database& database) : database_(database) { database_.run("BEGIN"); }
  ~ReadTransaction() {
    database_.reset_statements();
    if (database_.in_transaction()) database_.run("COMMIT");
  }
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  Database& database_;
};

}  // namespace starling::store
