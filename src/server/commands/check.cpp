#include "server/commands/commands.hpp"

#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"
#include "server/doctor.hpp"

namespace starling::server {
namespace {

int run(const Given& given) {
  const std::string file = given.text("file");
  Settings settings;
  settings.apply_file(file);
  settings.check();
  if (!settings.problems().empty()) return report(settings);
  if (!given.has("--deep")) return print(file + ": ok\n");
  const std::vector<Finding> findings = examine_settings(settings.config());
  print(findings_text(findings));
  return exit_code_of(findings);
}

}  // namespace

Command check_command() {
  return {
      .name = "check",
      .help = "Check a configuration file",
      .group = "Run",
      .parameters = {{.name = "file",
                      .value = "FILE",
                      .help = "The TOML file",
                      .expects = Expects::file,
                      .required = true},
                     {.name = "--deep", .help = "And whether what it names is there and answers"}},
      .notes = "Ends with 78 and every mistake, its line and column, if there is one.",
      .run = run};
}

}  // namespace starling::server
