#include "server/commands/commands.hpp"

#include "server/commands/output.hpp"
#include "server/commands/with_settings.hpp"
#include "server/serve.hpp"

namespace starling::server {
namespace {

std::vector<Parameter> parameters() {
  return {
      config_option(),
      {.name = "--host",
       .value = "ADDRESS",
       .help = "Listen on this address (default 127.0.0.1)",
       .key = "server.host"},
      {.name = "--port",
       .value = "PORT",
       .help = "Listen on this port (default 8080; 0: any free one)",
       .key = "server.port"},
      {.name = "--data-dir",
       .value = "DIR",
       .help = "Keep all state here (default ./data)",
       .expects = Expects::folder,
       .key = "server.data_dir"},
      {.name = "--auth",
       .value = "token|open",
       .help = "Who may speak as whom (default token)",
       .choices = {"token", "open"},
       .key = "auth.mode"},
      {.name = "--threads",
       .value = "N",
       .help = "Cores to use (default: all that it may)",
       .key = "server.threads"},
      {.name = "--admin",
       .value = "HOST:PORT",
       .help = "Metrics listen here (default 127.0.0.1:9464)",
       .key = "admin"},
      {.name = "--log-level",
       .value = "LEVEL",
       .help = "Log this and above: debug, info, warning, error",
       .choices = {"debug", "info", "warning", "error"},
       .key = "log.level"},
  };
}

int run(const Given& given) {
  if (given.has("--admin") && !parse_host_port(given.text("--admin"))) {
    return usage_error("--admin must be HOST:PORT");
  }
  const auto all = [given] { return gather(parameters(), given); };
  const Settings settings = all();
  if (!settings.problems().empty()) return report(settings);
  return serve(settings, all);
}

}  // namespace

Command serve_command() {
  return {.name = "serve",
          .help = "Run the server in the foreground",
          .group = "Run",
          .parameters = parameters(),
          .notes =
              "A flag beats STARLING_SECTION__KEY in the environment, which beats the file.\n"
              "SIGHUP reloads. SIGTERM or SIGINT drains and stops; a second one stops at once.",
          .run = run};
}

}  // namespace starling::server
