#include "server/data_commands.hpp"

#include <cerrno>
#include <cstdio>

#include "base/result.hpp"
#include "server/exit_code.hpp"
#include "server/settings.hpp"
#include "store/archive.hpp"
#include "store/backup.hpp"

namespace starling::server {
namespace {

int fail(const base::Error& error, int code) {
  std::fprintf(stderr, "starling: %s\n", error.message.c_str());
  return code;
}

int code_of(const base::Error& error) {
  switch (error.system_errno) {
    case ENOENT:
      return exit_no_input;
    case EEXIST:
      return exit_cannot_create;
    case EBADMSG:
      return exit_bad_data;
    default:
      return exit_io;
  }
}

bool is_sqlite(const Config& config) {
  if (config.store.url.empty() || config.store.url.starts_with("sqlite:")) return true;
  std::fprintf(stderr,
               "starling: the archive is in MySQL, which has tools of its own for this "
               "(mariadb-backup, mysqldump --single-transaction)\n");
  return false;
}

}  // namespace

int back_up_data(const Config& config, const std::string& file) {
  if (!is_sqlite(config)) return exit_usage;
  const base::Result<void> done = store::back_up(sqlite_path(config), file);
  if (!done) return fail(done.error(), code_of(done.error()));
  std::printf("%s\n", file.c_str());
  return exit_ok;
}

int restore_data(const Config& config, const std::string& file, bool replace) {
  if (!is_sqlite(config)) return exit_usage;
  const base::Result<store::DataFolder> folder = store::DataFolder::lock(config.server.data_dir);
  if (!folder) return fail(folder.error(), exit_unavailable);
  const base::Result<void> done = store::restore(file, sqlite_path(config), replace);
  if (done) return exit_ok;
  const int code = code_of(done.error());
  if (code == exit_cannot_create) {
    std::fprintf(stderr, "starling: --replace keeps it beside the restored one, as .replaced\n");
  }
  return fail(done.error(), code);
}

}  // namespace starling::server
