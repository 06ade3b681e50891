#include "store/backup.hpp"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <optional>

#include "io/clock.hpp"
#include "store/sqlite_database.hpp"

namespace starling::store {
namespace {

constexpr int step_pages = 1'024;  // 4 MiB
constexpr int busy_pause_ms = 20;

bool exists(const std::string& path) { return ::access(path.c_str(), F_OK) == 0; }

tl::unexpected<base::Error> failed(const std::string& what, int error) {
  return base::failure(what + ": " + std::strerror(error), error);
}

// What a rename has done survives a loss of power.
void sync_folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return;
  ::fsync(descriptor);
  ::close(descriptor);
}

// All pages of one moment: the read transaction of `from` is open before and after.
base::Result<void> copy_pages(const SqliteDatabase& from, const SqliteDatabase& into) {
  sqlite3_backup* const backup = sqlite3_backup_init(into.raw(), "main", from.raw(), "main");
  if (!backup) return base::failure(sqlite3_errmsg(into.raw()));
  int code = SQLITE_OK;
  while (code == SQLITE_OK || code == SQLITE_BUSY || code == SQLITE_LOCKED) {
    code = sqlite3_backup_step(backup, step_pages);
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED) sqlite3_sleep(busy_pause_ms);
  }
  sqlite3_backup_finish(backup);
  if (code != SQLITE_DONE) return base::failure(sqlite3_errstr(code));
  return {};
}

// Whether it is a whole archive. Its epoch, if it is.
std::optional<std::int64_t> checked_epoch(Database& database) {
  {
    Statement check{database, "PRAGMA quick_check(1)"};
    if (!check.step() || check.text(0) != "ok") return std::nullopt;
  }
  return database.number("SELECT value FROM meta WHERE key = 'epoch'");
}

// Copies `source` into the new file `target`, whose name it has from the beginning.
base::Result<void> copy_database(const std::string& source, const std::string& target,
                                 std::int64_t epoch_above) {
  const auto opened = SqliteDatabase::open(source);
  if (!opened) return tl::make_unexpected(opened.error());
  SqliteDatabase& from = **opened;
  // What a killed server left in its log is for the next server to judge, not for this to bring in.
  sqlite3_db_config(from.raw(), SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  from.run("BEGIN");
  if (!from.number("SELECT value FROM meta WHERE key = 'epoch'")) {
    return base::failure(source + " is no archive of a Starling server", EBADMSG);
  }
  const auto made = SqliteDatabase::open(target);
  if (!made) return tl::make_unexpected(made.error());
  SqliteDatabase& into = **made;
  if (::chmod(target.c_str(), S_IRUSR | S_IWUSR) != 0) return failed("cannot protect it", errno);
  if (base::Result<void> copied = copy_pages(from, into); !copied) return copied;
  into.run("PRAGMA journal_mode = DELETE");  // one file, without a log beside it
  const std::optional<std::int64_t> epoch = checked_epoch(into);
  if (!epoch) return base::failure(source + " is damaged", EBADMSG);
  if (epoch_above > 0) {
    const std::int64_t fresh = std::max({io::wall_clock(), *epoch + 1, epoch_above + 1});
    Statement{into, "UPDATE meta SET value = ? WHERE key = 'epoch'"}.with(fresh).execute();
  }
  if (into.failed()) return base::failure(into.failure());
  return {};
}

// The epoch of the database that is replaced, if it can be read; its log is brought into it.
std::int64_t epoch_of(const std::string& path) {
  const auto database = SqliteDatabase::open(path);
  if (!database) return 1;
  const auto epoch = (*database)->number("SELECT value FROM meta WHERE key = 'epoch'");
  sqlite3_wal_checkpoint_v2((*database)->raw(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr,
                            nullptr);
  return epoch.value_or(1);
}

void remove_all(const std::string& path) {
  for (const char* ending : {"", "-wal", "-shm", "-journal"}) ::unlink((path + ending).c_str());
}

}  // namespace

base::Result<void> back_up(const std::string& database, const std::string& target) {
  if (!exists(database)) return failed("there is no database " + database, ENOENT);
  if (exists(target)) return failed("cannot write " + target, EEXIST);
  const std::string partial = target + ".partial";
  remove_all(partial);
  if (base::Result<void> copied = copy_database(database, partial, 0); !copied) {
    remove_all(partial);
    return copied;
  }
  if (::link(partial.c_str(), target.c_str()) != 0) {  // unlike rename(2), replaces nothing
    const int error = errno;
    remove_all(partial);
    return failed("cannot write " + target, error);
  }
  remove_all(partial);
  sync_folder_of(target);
  return {};
}

base::Result<void> restore(const std::string& copy, const std::string& database, bool replace) {
  if (!exists(copy)) return failed("there is no file " + copy, ENOENT);
  const bool replaces = exists(database);
  if (replaces && !replace) return failed("there is a database already: " + database, EEXIST);
  const std::string fresh = database + ".restoring";
  remove_all(fresh);
  const std::int64_t above = replaces ? epoch_of(database) : 1;
  if (base::Result<void> copied = copy_database(copy, fresh, above); !copied) {
    remove_all(fresh);
    return copied;
  }
  if (replaces) {
    const std::string old = database + ".replaced";
    remove_all(old);
    // A log that could not be brought in goes with its database.
    for (const char* ending : {"-shm", "-wal", ""}) {
      ::rename((database + ending).c_str(), (old + ending).c_str());
    }
  }
  if (::rename(fresh.c_str(), database.c_str()) != 0) {
    return failed("cannot put the copy in its place", errno);
  }
  sync_folder_of(database);
  return {};
}

}  // namespace starling::store
