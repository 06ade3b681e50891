#include "store/archive.hpp"

#include <string>
#include <utility>

#include "io/clock.hpp"
#include "store/migrations.hpp"
#include "store/reader.hpp"
#include "store/sqlite.hpp"
#include "store/writer.hpp"

namespace starling::store {
namespace {

class SqliteArchive final : public Archive {
 public:
  SqliteArchive(const ArchiveOptions& options, Database database)
      : options_(options), database_(std::move(database)) {}

  base::Result<void> prepare() {
    if (auto done = migrate(database_, migrations()); !done) return done;
    // An archive's epoch is new wherever an archive is: clients of another one start afresh.
    Statement{database_, "INSERT OR IGNORE INTO meta VALUES ('epoch', ?)"}
        .with(io::wall_clock())
        .execute();
    database_.run("UPDATE users SET is_online = 0 WHERE is_online = 1");  // after a crash
    const auto epoch = database_.number("SELECT value FROM meta WHERE key = 'epoch'");
    if (!epoch || database_.failed()) {
      return base::failure("cannot prepare the database " + options_.path + ": " +
                           database_.failure());
    }
    epoch_ = static_cast<std::uint64_t>(*epoch);
    return {};
  }

  std::uint64_t epoch() const override { return epoch_; }

  std::vector<chat::RevokeToken> revocations(base::WallMs now) const override {
    std::vector<chat::RevokeToken> all;
    Statement rows{database_,
                   "SELECT token_id, user_id, expires_at FROM revoked_tokens WHERE expires_at > ?"};
    rows.with(now);
    while (rows.step())
      all.push_back({std::string{rows.text(0)}, rows.natural(1), rows.integer(2)});
    return all;
  }

  base::Result<std::unique_ptr<Writer>> make_writer(
      std::vector<chat::ShardInbox*> inboxes) override {
    auto parts = connect();
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    return std::make_unique<SqliteWriter>(std::move(parts->first), std::move(parts->second),
                                          options_, epoch_, std::move(inboxes));
  }

  base::Result<std::unique_ptr<Reader>> make_reader(
      std::vector<chat::ShardInbox*> inboxes) override {
    auto parts = connect();
    if (!parts) return tl::make_unexpected(std::move(parts.error()));
    return std::make_unique<SqliteReader>(std::move(parts->first), std::move(parts->second),
                                          options_, epoch_, std::move(inboxes));
  }

 private:
  base::Result<std::pair<Database, io::Wake>> connect() const;

  const ArchiveOptions options_;
  mutable Database database_;  // the opening thread's connection
  std::uint64_t epoch_ = 0;
};

base::Result<Database> open_database(const ArchiveOptions& options) {
  base::Result<Database> database = Database::open(options.path);
  if (!database) return database;
  database->run("PRAGMA journal_mode = WAL");
  database->run(options.sync_full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
  database->run("PRAGMA wal_autocheckpoint = 0");
  database->run("PRAGMA journal_size_limit = 67108864");
  database->run("PRAGMA cache_size = -16384");
  if (database->failed()) {
    return base::failure("cannot use the database " + options.path + ": " + database->failure());
  }
  return database;
}

base::Result<std::pair<Database, io::Wake>> SqliteArchive::connect() const {
  base::Result<Database> database = open_database(options_);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  base::Result<io::Wake> wake = io::Wake::create();
  if (!wake) return tl::make_unexpected(std::move(wake.error()));
  return std::pair<Database, io::Wake>{std::move(*database), std::move(*wake)};
}

}  // namespace

base::Result<std::unique_ptr<Archive>> Archive::open(const ArchiveOptions& options) {
  base::Result<Database> database = open_database(options);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  auto archive = std::make_unique<SqliteArchive>(options, std::move(*database));
  if (auto done = archive->prepare(); !done) return tl::make_unexpected(std::move(done.error()));
  return archive;
}

}  // namespace starling::store
