// A connection that speaks SQL, and statements on it, whatever database is behind. Errors do not
// have to be looked at after every call: the first one sticks to its Database until
// clear_failure(), and every later step fails, so a transaction looks once before it commits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace starling::store {

// What a database makes of one statement; used through Statement.
class Cursor {
 public:
  virtual ~Cursor() = default;
  virtual void bind(int index, std::int64_t value) = 0;
  virtual void bind(int index, std::string_view text) = 0;
  virtual bool step() = 0;
  virtual void reset() = 0;
  virtual std::int64_t integer(int column) const = 0;
  virtual std::string_view text(int column) const = 0;
};

// Lives on one thread.
class Database {
 public:
  Database() = default;
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  virtual ~Database() = default;

  // Runs SQL text without parameters and results. False: it failed, see failure().
  virtual bool run(const std::string& sql) = 0;
  // Never nullptr; text that the database does not understand is a failure, now or at the first
  // step. The cursor ends before its database.
  virtual std::unique_ptr<Cursor> prepare(std::string_view sql) = 0;
  virtual bool in_transaction() const = 0;
  // The questions between the two see one state.
  virtual void begin_reading() = 0;
  virtual void end_reading() = 0;
  // Where the connection was lost: a new one, so that a failed question may be asked again.
  virtual bool reconnect() { return false; }
  // Other servers write to it, too.
  virtual bool shared() const { return false; }
  // The beginning of an INSERT that leaves alone what is there.
  virtual std::string_view insert_or_ignore() const = 0;

  // The first column of the first row; nothing without a row or after a failure.
  std::optional<std::int64_t> number(std::string_view sql);

  bool failed() const { return failure_code_ != 0; }
  int failure_code() const { return failure_code_; }  // the database's own, 0: none
  const std::string& failure() const { return failure_; }
  void clear_failure();

 protected:
  void keep_failure(int code, std::string message);  // unless there is one

 private:
  int failure_code_ = 0;
  std::string failure_;
};

// A statement, kept and used again. Lives on its database's thread and no longer than it.
class Statement {
 public:
  Statement(Database& database, std::string_view sql) : cursor_(database.prepare(sql)) {}
  explicit Statement(std::unique_ptr<Cursor> cursor) : cursor_(std::move(cursor)) {}

  // Ends the last use, and binds parameters 1, 2, ... of the next. Text is not copied: it must live
  // until the last step(). Empty text is bound as text, not as NULL.
  template <typename... Values>
  Statement& with(const Values&... values) {
    reset();
    int index = 0;
    (bind(++index, values), ...);
    return *this;
  }

  // The same with a list of texts, which are all the parameters.
  Statement& with_each(std::span<const std::string_view> texts) {
    reset();
    int index = 0;
    for (const std::string_view text : texts) bind(++index, text);
    return *this;
  }

  // True: a row. False: no more rows, or a failure of the database.
  bool step() { return cursor_->step(); }
  // Runs a statement that has no rows.
  void execute() { static_cast<void>(step()), reset(); }
  // Frees what the statement holds (locks, text); done by the next with() otherwise.
  void reset() { cursor_->reset(); }

  // Column 0, 1, ... of the current row; text is valid until the next step.
  std::int64_t integer(int column) const { return cursor_->integer(column); }
  std::uint64_t natural(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  std::string_view text(int column) const { return cursor_->text(column); }  // of NULL: empty

 private:
  void bind(int index, std::int64_t value) { cursor_->bind(index, value); }
  void bind(int index, std::uint64_t value) { bind(index, static_cast<std::int64_t>(value)); }
  void bind(int index, int value) { bind(index, std::int64_t{value}); }
  void bind(int index, unsigned value) { bind(index, std::int64_t{value}); }
  void bind(int index, bool value) { bind(index, std::int64_t{value}); }
  void bind(int index, std::string_view text) { cursor_->bind(index, text); }
  void bind(int index, const std::string& text) { bind(index, std::string_view{text}); }

  std::unique_ptr<Cursor> cursor_;
};

// Opens and closes a read transaction, so that several queries see one state.
class ReadTransaction {
 public:
  explicit ReadTransaction(Database& database) : database_(database) { database_.begin_reading(); }
  ~ReadTransaction() { database_.end_reading(); }
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  Database& database_;
};

}  // namespace starling::store
