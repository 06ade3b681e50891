#include "server/commands/commands.hpp"

#include <cstdio>

#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"
#include "server/control.hpp"
#include "server/exit_code.hpp"

namespace starling::server {
namespace {

int ask(const Settings& settings, const std::string& question, bool until_end = false) {
  const base::Result<ControlAnswer> said =
      ask_server(settings.config().server.data_dir, question, until_end);
  if (!said) return fail(exit_unavailable, said.error().message);
  // Of a server that works in part the state is an answer, too.
  const bool answered = said->exit_code == exit_ok || said->exit_code == exit_temporary;
  std::fprintf(answered ? stdout : stderr, "%s\n", said->text.c_str());
  return said->exit_code;
}

}  // namespace

Command status_command() {
  return with_settings(
      {.name = "status",
       .help = "Show how a running server is, and which others it hears",
       .group = "Live",
       .parameters = {config_option(),
                      data_dir_option(),
                      {.name = "--json", .help = "As a JSON object, as of GET /api/fleet"}},
       .notes = "Ends with 0 if all is well, 75 if the archive or the bus is away or the server\n"
                "drains, 69 if no server runs there."},
      [](const Settings& settings, const Given& given) {
        return ask(settings, given.has("--json") ? "status json" : "status");
      });
}

Command reload_command() {
  return with_settings(
      {.name = "reload",
       .help = "Let a running server read its settings again",
       .group = "Live",
       .parameters = {config_option(), data_dir_option()},
       .notes = "Ends with 78, and the server keeps its settings, if they are wrong."},
      [](const Settings& settings, const Given&) { return ask(settings, "reload"); });
}

Command drain_command() {
  return with_settings(
      {.name = "drain",
       .help = "Let a running server send its clients away and stop",
       .group = "Live",
       .parameters = {config_option(), data_dir_option()},
       .notes = "Returns when the server has ended."},
      [](const Settings& settings, const Given&) { return ask(settings, "drain", true); });
}

Command log_level_command() {
  return with_settings({.name = "log-level",
                        .help = "Change what a running server logs",
                        .group = "Live",
                        .parameters = {{.name = "level",
                                        .value = "LEVEL",
                                        .help = "debug, info, warning or error",
                                        .choices = {"debug", "info", "warning", "error"},
                                        .required = true},
                                       config_option(),
                                       data_dir_option()},
                        .notes = "Until its next reload or restart."},
                       [](const Settings& settings, const Given& given) {
                         return ask(settings, "log-level " + given.text("level"));
                       });
}

}  // namespace starling::server
