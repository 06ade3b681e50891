// SQLite at either end of a copy.
#include <sqlite3.h>
#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "store/copy_ends.hpp"
#include "store/sqlite_database.hpp"
#include "store/sqlite_file.hpp"
#include "store/sqlite_migrations.hpp"

namespace starling::store {
namespace {

constexpr std::string_view columns_of = "SELECT name FROM pragma_table_info(?) ORDER BY name";
constexpr std::string_view meta_of = "SELECT value FROM meta WHERE key = ?";

class SqliteSource final : public CopyEnd {
 public:
  explicit SqliteSource(std::unique_ptr<SqliteDatabase> database)
      : database_(std::move(database)) {}
  Database& database() override { return *database_; }

 private:
  std::string_view columns_query() const override { return columns_of; }
  std::string_view meta_query() const override { return meta_of; }

  std::unique_ptr<SqliteDatabase> database_;
};

class SqliteSink final : public RowSink {
 public:
  SqliteSink(Database& database, const std::string& sql) : insertion_(database, sql) {}
  void add(std::span<const std::string_view> values) override {
    insertion_.with_each(values).execute();
  }
  void flush() override {}

 private:
  Statement insertion_;
};

// A file beside the target, in one transaction; it gets the target's name when all is right.
class SqliteTarget final : public CopyTarget {
 public:
  explicit SqliteTarget(std::string path) : path_(std::move(path)) {}
  ~SqliteTarget() override {
    if (!database_) return;
    database_.reset();
    remove_database(partial_);
  }

  Database& database() override { return *database_; }

  base::Result<void> begin() override {
    remove_database(partial_);
    auto opened = SqliteDatabase::open(partial_);
    if (!opened) return base::failure(opened.error().message, EIO);
    database_ = std::move(*opened);
    if (::chmod(partial_.c_str(), S_IRUSR | S_IWUSR) != 0) {
      return file_failure("cannot protect " + partial_, errno);
    }
    if (auto migrated = migrate(*database_, migrations()); !migrated) {
      return base::failure(migrated.error().message, EIO);
    }
    database_->run("BEGIN");
    return {};
  }

  std::unique_ptr<RowSink> sink(std::string_view table,
                                std::span<const std::string> columns) override {
    std::string sql = insertion_into(table, columns) + "(?";
    for (std::size_t i = 1; i < columns.size(); ++i) sql += ",?";
    return std::make_unique<SqliteSink>(*database_, sql + ")");
  }

  base::Result<void> end_writing() override {
    if (!database_->run("COMMIT")) return copy_failure("cannot write " + path_, *database_);
    return {};
  }

  base::Result<void> finish(std::int64_t epoch, std::int64_t next_message_id) override {
    for (const auto& [name, value] :
         {std::pair{"epoch", epoch}, std::pair{"next_message_id", next_message_id}}) {
      Statement{*database_, "INSERT OR REPLACE INTO meta VALUES (?, ?)"}
          .with(std::string_view{name}, value)
          .execute();
    }
    if (database_->failed()) return copy_failure("cannot write " + path_, *database_);
    database_.reset();
    return name_database(partial_, path_);
  }

 private:
  std::string_view columns_query() const override { return columns_of; }
  std::string_view meta_query() const override { return meta_of; }

  const std::string path_;
  const std::string partial_ = path_ + ".partial";
  std::unique_ptr<SqliteDatabase> database_;
};

}  // namespace

// Exclusively: neither a server that runs has it open, nor can one be started until this ends.
base::Result<std::unique_ptr<CopyEnd>> open_sqlite_source(const std::string& path) {
  if (!file_exists(path)) return file_failure("there is no database " + path, ENOENT);
  auto opened = SqliteDatabase::open(path);
  if (!opened) return base::failure(opened.error().message, EIO);
  SqliteDatabase& database = **opened;
  sqlite3_busy_timeout(database.raw(), 0);
  // What a killed server left in its log is read, and stays there.
  sqlite3_db_config(database.raw(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  database.run("PRAGMA locking_mode = EXCLUSIVE");
  database.run("BEGIN EXCLUSIVE");
  if ((database.failure_code() & 0xff) == SQLITE_BUSY) {
    return base::failure(
        "a server uses " + path + ": stop it first, or copy a copy of it (starling backup)", EBUSY);
  }
  auto source = std::make_unique<SqliteSource>(std::move(*opened));
  if (!source->meta("epoch")) {
    return base::failure(path + " is no archive of a Starling server", EBADMSG);
  }
  return source;
}

base::Result<std::unique_ptr<CopyTarget>> open_sqlite_target(const std::string& path) {
  if (file_exists(path)) return file_failure("cannot write " + path, EEXIST);
  return std::make_unique<SqliteTarget>(path);
}

}  // namespace starling::store
