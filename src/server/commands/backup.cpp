#include "server/commands/commands.hpp"

#include <cstdio>

#include "base/result.hpp"
#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"
#include "server/exit_code.hpp"
#include "store/archive.hpp"
#include "store/backup.hpp"

namespace starling::server {
namespace {

bool is_sqlite(const Config& config) {
  if (config.store.url.empty() || config.store.url.starts_with("sqlite:")) return true;
  fail(exit_usage,
       "the archive is in MySQL, which has tools of its own for this (mariadb-backup, "
       "mysqldump --single-transaction)");
  return false;
}

// Whether or not a server runs on it.
int back_up(const Config& config, const std::string& file) {
  if (!is_sqlite(config)) return exit_usage;
  const base::Result<void> done = store::back_up(sqlite_path(config), file);
  if (!done) return fail(exit_code_of(done.error()), done.error().message);
  return print(file + "\n");
}

// Only where no server runs.
int restore(const Config& config, const std::string& file, bool replace) {
  if (!is_sqlite(config)) return exit_usage;
  const base::Result<store::DataFolder> folder = store::DataFolder::lock(config.server.data_dir);
  if (!folder) return fail(exit_unavailable, folder.error().message);
  const base::Result<void> done = store::restore(file, sqlite_path(config), replace);
  if (done) return exit_ok;
  const int code = exit_code_of(done.error());
  if (code == exit_cannot_create) {
    fail(code, "--replace keeps it beside the restored one, as .replaced");
  }
  return fail(code, done.error().message);
}

}  // namespace

Command backup_command() {
  return with_settings({.name = "backup",
                        .help = "Copy the database into a file; the server may run",
                        .group = "Data",
                        .parameters = {{.name = "file",
                                        .value = "FILE",
                                        .help = "The copy; must not exist",
                                        .expects = Expects::file,
                                        .required = true},
                                       config_option(),
                                       data_dir_option()}},
                       [](const Settings& settings, const Given& given) {
                         return back_up(settings.config(), given.text("file"));
                       });
}

Command restore_command() {
  return with_settings(
      {.name = "restore",
       .help = "Put a copy in the place of a stopped server's database",
       .group = "Data",
       .parameters = {{.name = "file",
                       .value = "FILE",
                       .help = "What backup made",
                       .expects = Expects::file,
                       .required = true},
                      {.name = "--replace",
                       .help = "A database that is there is kept beside, as .replaced"},
                      config_option(),
                      data_dir_option()},
       .notes = "Clients that saw what came after the copy are told to start afresh."},
      [](const Settings& settings, const Given& given) {
        return restore(settings.config(), given.text("file"), given.has("--replace"));
      });
}

}  // namespace starling::server
