// `starling store copy`: moves an archive from one database to another (store/copy.hpp).
#include "server/commands/commands.hpp"

#include <chrono>
#include <cstdio>
#include <fstream>
#include <optional>
#include <utility>

#include "io/clock.hpp"
#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"
#include "server/exit_code.hpp"
#include "server/settings.hpp"
#include "store/copy.hpp"

namespace starling::server {
namespace {

constexpr base::Duration progress_interval = std::chrono::seconds{1};

base::Result<store::ArchivePlace> place_of(const std::string& url,
                                           const std::string& password_file) {
  store::ArchivePlace place;
  if (url.starts_with("sqlite:") && url != "sqlite:") {
    Config config;
    config.store.url = url;
    place.path = sqlite_path(config);
    return place;
  }
  base::Result<store::MysqlAddress> address = store::parse_mysql_url(url);
  if (!address) {
    return base::failure("is neither sqlite:PATH nor mysql://user:password@host:port/database");
  }
  std::ifstream lines{password_file};
  if (address->password.empty() && !password_file.empty() &&
      !std::getline(lines, address->password)) {
    return base::failure("wants a password, and " + password_file + " cannot be read");
  }
  place.mysql = std::move(*address);
  return place;
}

// A line a second for a table that takes longer, and one for each at its end.
class ProgressLines {
 public:
  void hear(store::CopyStep step, std::string_view table, std::uint64_t rows, bool whole) {
    const base::Instant now = io::now();
    if (!whole && now < next_) return;
    next_ = now + progress_interval;
    std::fprintf(stderr, "%-7s %.*s: %llu rows%s\n",
                 step == store::CopyStep::writing ? "copy" : "compare",
                 static_cast<int>(table.size()), table.data(),
                 static_cast<unsigned long long>(rows), whole ? "" : " so far");
  }

 private:
  base::Instant next_ = io::now() + progress_interval;
};

// Names and checksums are ours and need no escapes.
void print_json(const store::ArchiveCopy& copy, bool dry_run) {
  std::printf("{\"copied\":%s,\"epoch\":%lld,\"tables\":[", dry_run ? "false" : "true",
              static_cast<long long>(copy.epoch));
  const char* comma = "";
  for (const store::CopiedTable& table : copy.tables) {
    std::printf("%s{\"name\":\"%s\",\"rows\":%llu,\"checksum\":\"%s\"}", std::exchange(comma, ","),
                table.name.c_str(), static_cast<unsigned long long>(table.rows),
                table.checksum.c_str());
  }
  std::printf("]}\n");
}

void print_text(const store::ArchiveCopy& copy, bool dry_run) {
  for (const store::CopiedTable& table : copy.tables) {
    std::printf("%-14s %12llu rows  %s\n", table.name.c_str(),
                static_cast<unsigned long long>(table.rows), table.checksum.c_str());
  }
  std::printf(dry_run ? "would be copied; nothing was\n"
                      : "copied, read again and compared: the same\n");
}

int copy_store(const Given& given) {
  const std::string file = given.text("--password-file");
  if (given.text("from") == given.text("to")) {
    return fail(exit_usage, "source and target are the same");
  }
  const auto from = place_of(given.text("from"), file);
  if (!from) return fail(exit_usage, "the source " + from.error().message);
  const auto to = place_of(given.text("to"), file);
  if (!to) return fail(exit_usage, "the target " + to.error().message);
  ProgressLines lines;
  const auto hear = [&lines](store::CopyStep step, std::string_view table, std::uint64_t rows,
                             bool whole) { lines.hear(step, table, rows, whole); };
  const bool dry_run = given.has("--dry-run");
  const auto copy =
      dry_run ? store::try_copy(*from, *to, hear) : store::copy_archive(*from, *to, hear);
  if (!copy) return fail(exit_code_of(copy.error()), copy.error().message);
  given.has("--json") ? print_json(*copy, dry_run) : print_text(*copy, dry_run);
  return exit_ok;
}

Command copy_command() {
  return {.name = "copy",
          .help = "Copy an archive into another, empty database",
          .parameters = {{.name = "from",
                          .value = "FROM",
                          .help = "sqlite:PATH or mysql://user@host:port/database",
                          .required = true},
                         {.name = "to",
                          .value = "TO",
                          .help = "The same; nothing may be in it",
                          .required = true},
                         {.name = "--password-file",
                          .value = "FILE",
                          .help = "The password of a mysql: without one",
                          .expects = Expects::file},
                         {.name = "--dry-run", .help = "Only say what would be copied"},
                         json_flag()},
          .notes =
              "No server may use either of them. Ids, numbers and the epoch stay, so clients\n"
              "resume where they were. The copy is read again and compared; one that was\n"
              "interrupted begins anew.",
          .run = copy_store};
}

}  // namespace

Command store_command() {
  return {.name = "store",
          .help = "The archive as a whole",
          .group = "Data",
          .commands = {copy_command()}};
}

}  // namespace starling::server
