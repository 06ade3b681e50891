#include "store/sqlite_archive.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <string>
#include <utility>

#include "io/clock.hpp"
#include "store/reader.hpp"
#include "store/rows.hpp"
#include "store/sqlite_database.hpp"
#include "store/sqlite_migrations.hpp"
#include "store/sqlite_writer.hpp"

namespace starling::store {
namespace {

constexpr std::string_view epoch_query = "SELECT value FROM meta WHERE key = 'epoch'";

// Reads a file, writes back what it read, and syncs it. SQLite's result code.
int write_again(sqlite3_file& file) {
  constexpr sqlite3_int64 piece_bytes = 64 * 1024;
  sqlite3_int64 size = 0;
  if (const int code = file.pMethods->xFileSize(&file, &size); code != SQLITE_OK) return code;
  std::string piece;
  for (sqlite3_int64 at = 0; at < size; at += piece_bytes) {
    piece.resize(static_cast<std::size_t>(std::min(piece_bytes, size - at)));
    const int bytes = static_cast<int>(piece.size());
    int code = file.pMethods->xRead(&file, piece.data(), bytes, at);
    if (code == SQLITE_OK) code = file.pMethods->xWrite(&file, piece.data(), bytes, at);
    if (code != SQLITE_OK) return code;
  }
  return size == 0 ? SQLITE_OK : file.pMethods->xSync(&file, SQLITE_SYNC_FULL);
}

class SqliteArchive final : public Archive {
 public:
  SqliteArchive(const ArchiveOptions& options, std::unique_ptr<SqliteDatabase> database)
      : options_(options), database_(std::move(database)) {}

  base::Result<void> prepare() {
    if (auto done = keep_what_is_there(); !done) return done;
    if (auto done = migrate(*database_, migrations()); !done) return done;
    // An archive's epoch is new wherever an archive is: clients of another one start afresh.
    Statement{*database_, "INSERT OR IGNORE INTO meta VALUES ('epoch', ?)"}
        .with(io::wall_clock())
        .execute();
    database_->run("UPDATE users SET is_online = 0 WHERE is_online = 1");  // after a crash
    const auto epoch = database_->number(epoch_query);
    revoked_ = revoked_tokens(*database_);
    if (!epoch || database_->failed()) return cannot_prepare(*database_);
    epoch_ = static_cast<std::uint64_t>(*epoch);
    return {};
  }

  std::uint64_t epoch() const override { return epoch_; }

  std::vector<chat::RevokeToken> revocations(base::WallMs now) const override {
    return unexpired(revoked_, now);
  }

  base::Result<std::unique_ptr<Writer>> make_writer(
      std::vector<chat::ShardInbox*> inboxes) override {
    auto parts = connect();
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    const SqliteDatabase& database = *parts->first;
    auto writer = std::make_unique<SqliteWriter>(std::move(parts->first), std::move(parts->second),
                                                 options_, epoch_, std::move(inboxes));
    if (database.failed()) return cannot_prepare(database);
    return writer;
  }

  base::Result<std::unique_ptr<Reader>> make_reader(
      std::vector<chat::ShardInbox*> inboxes) override {
    auto parts = connect();
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    const SqliteDatabase& database = *parts->first;
    auto reader = std::make_unique<ArchiveReader>(std::move(parts->first), std::move(parts->second),
                                                  options_, epoch_query, std::move(inboxes));
    if (database.failed()) return cannot_prepare(database);
    return reader;
  }

 private:
  base::Result<void> keep_what_is_there();
  tl::unexpected<base::Error> cannot_prepare(const SqliteDatabase& database) const {
    return base::failure("cannot prepare the database " + options_.path + ": " +
                         database.failure());
  }
  base::Result<std::pair<std::unique_ptr<SqliteDatabase>, io::Wake>> connect() const;

  const ArchiveOptions options_;
  std::unique_ptr<SqliteDatabase> database_;  // the opening thread's connection
  std::vector<chat::RevokeToken> revoked_;    // when it was opened
  std::uint64_t epoch_ = 0;
};

// Whatever can be read here will be shown and counted as stored, so the disk must have it first. A
// process that was killed may have left a log that is in the page cache alone: written and not yet
// synced, or, after an fsync(2) that failed, marked clean so that no later one writes it. Writing
// the log's own bytes once more makes them dirty again; then they are synced, moved into the
// database and the log is cut.
base::Result<void> SqliteArchive::keep_what_is_there() {
  // The first read finds the log and opens it.
  const auto tables = database_->number("SELECT count(*) FROM sqlite_schema");
  sqlite3_file* log = nullptr;
  sqlite3_file_control(database_->raw(), "main", SQLITE_FCNTL_JOURNAL_POINTER,
                       static_cast<void*>(&log));
  int code = tables ? SQLITE_OK : database_->failure_code();
  if (code == SQLITE_OK && log && log->pMethods) code = write_again(*log);
  if (code == SQLITE_OK) {
    code = sqlite3_wal_checkpoint_v2(database_->raw(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                                     nullptr);
  }
  if (code == SQLITE_OK) return {};
  return base::failure("cannot bring the log of the database " + options_.path +
                       " to the disk: " + sqlite3_errstr(code));
}

base::Result<std::unique_ptr<SqliteDatabase>> open_database(const ArchiveOptions& options) {
  base::Result<std::unique_ptr<SqliteDatabase>> database = SqliteDatabase::open(options.path);
  if (!database) return database;
  (*database)->run("PRAGMA journal_mode = WAL");
  (*database)->run(options.sync_full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  (*database)->run("PRAGMA wal_autocheckpoint = 0");
  (*database)->run("PRAGMA journal_size_limit = 67108864");
  (*database)->run("PRAGMA cache_size = -16384");
  if ((*database)->failed()) {
    return base::failure("cannot use the database " + options.path + ": " + (*database)->failure());
  }
  return database;
}

base::Result<std::pair<std::unique_ptr<SqliteDatabase>, io::Wake>> SqliteArchive::connect() const {
  base::Result<std::unique_ptr<SqliteDatabase>> database = open_database(options_);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  base::Result<io::Wake> wake = io::Wake::create();
  if (!wake) return tl::make_unexpected(std::move(wake.error()));
  return std::pair<std::unique_ptr<SqliteDatabase>, io::Wake>{std::move(*database),
                                                              std::move(*wake)};
}

}  // namespace

base::Result<std::unique_ptr<Archive>> open_sqlite(const ArchiveOptions& options) {
  base::Result<std::unique_ptr<SqliteDatabase>> database = open_database(options);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  auto archive = std::make_unique<SqliteArchive>(options, std::move(*database));
  if (auto done = archive->prepare(); !done) return tl::make_unexpected(std::move(done.error()));
  return archive;
}

}  // namespace starling::store
