#include "server/commands/commands.hpp"

#include <algorithm>
#include <cstdio>
#include <string>

#include "server/archive_options.hpp"
#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"
#include "server/exit_code.hpp"
#include "store/schema.hpp"

namespace starling::server {
namespace {

// One object: {"schema":1,"pending":1,"original":false,"steps":[{"version","name","appliedAt"}]};
// appliedAt is in milliseconds since 1970, null where the step is still to be done. The names of
// steps are ours and need no escapes.
void print_json(const store::SchemaStatus& status) {
  const std::size_t done = status.steps.size() - status.pending();
  std::printf("{\"schema\":%zu,\"pending\":%zu,\"original\":%s,\"steps\":[", done, status.pending(),
              status.has_original ? "true" : "false");
  for (const store::SchemaStep& step : status.steps) {
    const std::string at = step.applied_at != 0 ? std::to_string(step.applied_at) : "null";
    std::printf("%s{\"version\":%d,\"name\":\"%s\",\"appliedAt\":%s}", step.version == 1 ? "" : ",",
                step.version, step.name.c_str(), at.c_str());
  }
  std::printf("]}\n");
}

void print_steps(const store::SchemaStatus& status) {
  for (const store::SchemaStep& step : status.steps) {
    std::printf("%d  %-8s %s\n", step.version, step.applied_at != 0 ? "done" : "pending",
                step.name.c_str());
  }
  if (status.has_original && status.pending() != 0) {
    std::printf(
        "the tables of the PHP original are kept as original_users and original_messages\n");
  }
}

struct Flags {
  bool up = false;       // else: say how it stands
  bool dry_run = false;  // say what `up` would do
  bool json = false;
};

int migrate(const Config& config, const Flags& flags) {
  base::Result<store::ArchiveOptions> options = archive_options(config);
  if (!options) return fail(exit_config, options.error().message);
  if (!options->mysql) {
    return fail(exit_ok, "a SQLite archive is migrated when it is opened");
  }
  base::Result<store::SchemaStatus> status = store::mysql_schema(*options->mysql);
  if (!status) return fail(exit_unavailable, status.error().message);
  if (flags.up && !flags.dry_run) {
    const auto said = [&flags](const store::SchemaStep& step) {
      if (!flags.json) std::printf("%d  done     %s\n", step.version, step.name.c_str());
    };
    const auto done = store::migrate_mysql(*options->mysql, said);
    if (!done) return fail(exit_unavailable, done.error().message);
    if (!flags.json) return exit_ok;
    status = store::mysql_schema(*options->mysql);
    if (!status) return fail(exit_unavailable, status.error().message);
  }
  flags.json ? print_json(*status) : print_steps(*status);
  return exit_ok;
}

Command step(const char* name, const char* help, bool up) {
  std::vector<Parameter> parameters{config_option(), json_flag()};
  if (up) parameters.push_back({.name = "--dry-run", .help = "Only say what would be done"});
  return with_settings(
      {.name = name, .help = help, .parameters = std::move(parameters)},
      [up](const Settings& settings, const Given& given) {
        return migrate(settings.config(), {up, given.has("--dry-run"), given.has("--json")});
      });
}

}  // namespace

Command migrate_command() {
  return {.name = "migrate",
          .help = "The schema of a MySQL archive",
          .group = "Data",
          .commands = {step("status", "Say what is done and what is still to be done", false),
                       step("up", "Do what is still to be done", true)}};
}

}  // namespace starling::server
