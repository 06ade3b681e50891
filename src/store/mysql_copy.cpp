// MySQL and MariaDB at either end of a copy.
#include <cerrno>
#include <chrono>
#include <thread>
#include <utility>

#include "io/clock.hpp"
#include "store/copy_ends.hpp"
#include "store/mysql_database.hpp"
#include "store/mysql_insertion.hpp"
#include "store/rows.hpp"
#include "store/schema.hpp"

namespace starling::store {
namespace {

// The sessions of a server that has just ended may be there for a moment more.
constexpr base::Duration session_patience = std::chrono::seconds{2};
constexpr std::chrono::milliseconds session_pause{100};

std::string name_of(const MysqlAddress& address) {
  return "the database " + address.database + " at " +
         (address.socket.empty() ? address.host : address.socket);
}

// Who else uses the database, as far as this user may see: its own sessions, or, with the privilege
// PROCESS, everybody's.
std::string sessions_of_others(Database& database) {
  Statement rows{database,
                 "SELECT CONCAT(user, '@', host) FROM information_schema.processlist WHERE db = "
                 "DATABASE() AND id <> CONNECTION_ID() ORDER BY id LIMIT 5"};
  std::string names;
  while (rows.step()) (names += names.empty() ? "" : ", ") += rows.text(0);
  return names;
}

base::Result<void> check_unused(Database& database, const MysqlAddress& address) {
  const base::Instant begin = io::now();
  std::string others = sessions_of_others(database);
  while (!others.empty() && io::now() - begin < session_patience) {
    std::this_thread::sleep_for(session_pause);
    others = sessions_of_others(database);
  }
  if (others.empty()) return {};
  return base::failure(name_of(address) + " is in use (" + others + "): stop its servers first",
                       EBUSY);
}

class MysqlSource final : public CopyEnd {
 public:
  explicit MysqlSource(std::unique_ptr<MysqlDatabase> database) : database_(std::move(database)) {}
  Database& database() override { return *database_; }
  static constexpr std::string_view columns_of =
      "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND "
      "table_name = ? ORDER BY CAST(column_name AS BINARY)";
  static constexpr std::string_view meta_of = "SELECT value FROM meta WHERE name = ?";

 private:
  std::string_view columns_query() const override { return columns_of; }
  std::string_view meta_query() const override { return meta_of; }

  std::unique_ptr<MysqlDatabase> database_;
};

class MysqlSink final : public RowSink {
 public:
  MysqlSink(MysqlDatabase& database, std::string head)
      : head_(std::move(head)), insertion_(database, head_) {}
  void add(std::span<const std::string_view> values) override {
    for (const std::string_view value : values) insertion_.text(value);
    insertion_.end_row();
  }
  void flush() override { insertion_.flush(); }

 private:
  const std::string head_;
  MysqlInsertion insertion_;
};

// Tables are filled as they are, a statement at a time; a mark in `meta` keeps servers away until
// all is right.
class MysqlTarget final : public CopyTarget {
 public:
  MysqlTarget(const MysqlAddress& address, std::unique_ptr<MysqlDatabase> database)
      : address_(address), database_(std::move(database)) {}

  Database& database() override { return *database_; }

  base::Result<void> check() {
    for (const std::string_view table : copied_tables) {
      if (columns(table).empty()) continue;  // not migrated: made by begin()
      if (database_->number("SELECT EXISTS (SELECT 1 FROM " + std::string{table} + ")") == 0)
        continue;
      if (!columns("meta").empty() && meta(unfinished_copy)) return {};
      return base::failure(name_of(address_) + " is not empty: the table " + std::string{table} +
                               " has rows; choose a new database",
                           EEXIST);
    }
    if (database_->failed()) return copy_failure("cannot use " + name_of(address_), *database_);
    return {};
  }

  base::Result<void> begin() override {
    auto migrated = migrate_mysql(address_, [](const SchemaStep&) {});
    if (!migrated) return base::failure(migrated.error().message, EIO);
    // As long as this connection lives; that of the migration may be there for a moment more.
    if (database_->number("SELECT GET_LOCK(CONCAT('starling.', DATABASE()), 2)") != 1) {
      return base::failure("another copy into " + name_of(address_) + " is running", EBUSY);
    }
    Statement{*database_, "INSERT IGNORE INTO meta VALUES (?, 1)"}.with(unfinished_copy).execute();
    for (const std::string_view table : copied_tables) {
      database_->run("TRUNCATE TABLE " + std::string{table});
    }
    return end_writing();
  }

  std::unique_ptr<RowSink> sink(std::string_view table,
                                std::span<const std::string> columns) override {
    return std::make_unique<MysqlSink>(*database_, insertion_into(table, columns));
  }

  base::Result<void> end_writing() override {
    if (database_->failed())
      return copy_failure("cannot write to " + name_of(address_), *database_);
    return {};
  }

  base::Result<void> finish(std::int64_t epoch, std::int64_t next_message_id) override {
    database_->run("START TRANSACTION");
    Statement set{*database_, "UPDATE meta SET value = ? WHERE name = ?"};
    set.with(epoch, std::string_view{"epoch"}).execute();
    set.with(next_message_id, std::string_view{"next_message_id"}).execute();
    Statement{*database_, "DELETE FROM meta WHERE name = ?"}.with(unfinished_copy).execute();
    database_->run("COMMIT");
    return end_writing();
  }

 private:
  std::string_view columns_query() const override { return MysqlSource::columns_of; }
  std::string_view meta_query() const override { return MysqlSource::meta_of; }

  const MysqlAddress address_;
  std::unique_ptr<MysqlDatabase> database_;
};

base::Result<std::unique_ptr<MysqlDatabase>> open_unused(const MysqlAddress& address) {
  auto database = MysqlDatabase::open(address, MysqlDatabase::Use::copying);
  if (!database) return base::failure(database.error().message, EHOSTUNREACH);
  if (auto unused = check_unused(**database, address); !unused) {
    return tl::make_unexpected(unused.error());
  }
  return database;
}

}  // namespace

base::Result<std::unique_ptr<CopyEnd>> open_mysql_source(const MysqlAddress& address) {
  auto database = open_unused(address);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  const auto schema = mysql_schema(address);
  if (!schema) return base::failure(schema.error().message, EBADMSG);
  if (schema->pending() != 0) {
    return base::failure(name_of(address) +
                             " is no archive of this version: with it as store.url, "
                             "run: starling migrate up",
                         EBADMSG);
  }
  auto source = std::make_unique<MysqlSource>(std::move(*database));
  if (source->meta(unfinished_copy)) {
    return base::failure(name_of(address) + " holds a copy that was not finished", EBADMSG);
  }
  // One state for all tables, whoever writes.
  source->database().run("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  source->database().run("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY");
  if (source->database().failed()) {
    return copy_failure("cannot read " + name_of(address), source->database());
  }
  return source;
}

base::Result<std::unique_ptr<CopyTarget>> open_mysql_target(const MysqlAddress& address) {
  auto database = open_unused(address);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  const auto schema = mysql_schema(address);
  if (!schema) return base::failure(schema.error().message, EBADMSG);
  if (schema->has_original) {
    return base::failure(name_of(address) +
                             " is not empty: it has tables of the PHP original; "
                             "choose a new database",
                         EEXIST);
  }
  auto target = std::make_unique<MysqlTarget>(address, std::move(*database));
  if (auto checked = target->check(); !checked) return tl::make_unexpected(checked.error());
  return target;
}

}  // namespace starling::store
