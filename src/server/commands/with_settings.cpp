#include "server/commands/with_settings.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "server/exit_code.hpp"

namespace starling::server {
namespace {

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
  return variables;
}

}  // namespace

Parameter config_option() {
  return {.name = "--config",
          .value = "FILE",
          .help = "Read settings from this TOML file",
          .expects = Expects::file};
}

Parameter data_dir_option() {
  return {.name = "--data-dir",
          .value = "DIR",
          .help = "The server's data folder (default ./data)",
          .expects = Expects::folder,
          .key = "server.data_dir"};
}

Parameter json_flag() { return {.name = "--json", .value = "", .help = "As a JSON object"}; }

Settings gather(const std::vector<Parameter>& parameters, const Given& given) {
  Settings settings;
  if (given.has("--config")) settings.apply_file(given.text("--config"));
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) {
    settings.apply_credentials(credentials);
  }
  settings.apply_environment(environment());
  for (const Parameter& one : parameters) {
    if (one.key.empty() || !given.has(one.name)) continue;
    if (one.key.find('.') != std::string::npos) {
      settings.apply(one.key, given.text(one.name), one.name);
    } else if (const auto parts = parse_host_port(given.text(one.name))) {
      settings.apply(one.key + ".host", parts->first, one.name);
      settings.apply(one.key + ".port", std::to_string(parts->second), one.name);
    }
  }
  settings.check();
  return settings;
}

int report(const Settings& settings) {
  for (const Problem& problem : settings.problems()) {
    std::fprintf(stderr, "%s\n", to_string(problem).c_str());
  }
  return exit_config;
}

Command with_settings(Command command, WithSettings action) {
  command.run = [parameters = command.parameters, action = std::move(action)](const Given& given) {
    const Settings settings = gather(parameters, given);
    return settings.problems().empty() ? action(settings, given) : report(settings);
  };
  return command;
}

}  // namespace starling::server
