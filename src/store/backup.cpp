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
#include "store/sqlite_file.hpp"

namespace starling::store {
namespace {

constexpr int step_pages = 1'024;  // 4 MiB
constexpr int busy_pause_ms = 20;

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
  if (::chmod(target.c_str(), S_IRUSR | S_IWUSR) != 0)
    return file_failure("cannot protect it", errno);
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

}  // namespace

base::Result<void> back_up(const std::string& database, const std::string& target) {
  if (!file_exists(database)) return file_failure("there is no database " + database, ENOENT);
  if (file_exists(target)) return file_failure("cannot write " + target, EEXIST);
  const std::string partial = target + ".partial";
  remove_database(partial);
  if (base::Result<void> copied = copy_database(database, partial, 0); !copied) {
    remove_database(partial);
    return copied;
  }
  return name_database(partial, target);
}

base::Result<void> restore(const std::string& copy, const std::string& database, bool replace) {
  if (!file_exists(copy)) return file_failure("there is no file " + copy, ENOENT);
  const bool replaces = file_exists(database);
  if (replaces && !replace) return file_failure("there is a database already: " + database, EEXIST);
  const std::string fresh = database + ".restoring";
  remove_database(fresh);
  const std::int64_t above = replaces ? epoch_of(database) : 1;
  if (base::Result<void> copied = copy_database(copy, fresh, above); !copied) {
    remove_database(fresh);
    return copied;
  }
  if (replaces) {
    const std::string old = database + ".replaced";
    remove_database(old);
    // A log that could not be brought in goes with its database.
    for (const char* ending : {"-shm", "-wal", ""}) {
      ::rename((database + ending).c_str(), (old + ending).c_str());
    }
  }
  if (::rename(fresh.c_str(), database.c_str()) != 0) {
    return file_failure("cannot put the copy in its place", errno);
  }
  sync_folder_of(database);
  return {};
}

}  // namespace starling::store
