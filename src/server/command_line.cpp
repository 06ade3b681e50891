#include "server/command_line.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>
#include <string>
#include <vector>

#include "server/exit_code.hpp"
#include "server/serve.hpp"
#include "server/settings.hpp"
#include "starling/version.hpp"

namespace starling::server {
namespace {

std::vector<std::string> environment() {
  std::vector<std::string> variables;
  for (char** variable = environ; *variable; ++variable) variables.emplace_back(*variable);
  return variables;
}

int report(const Settings& settings) {
  for (const Problem& problem : settings.problems()) {
    std::fprintf(stderr, "%s\n", to_string(problem).c_str());
  }
  return exit_config;
}

struct ServeFlags {
  std::string config, host, port, data_dir, auth, threads, admin, log_level;
};

void add_serve_flags(CLI::App& serve, ServeFlags& flags) {
  serve.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  serve.add_option("--config", flags.config, "Read settings from this TOML file")
      ->type_name("FILE");
  serve.add_option("--host", flags.host, "Listen on this address (default 127.0.0.1)")
      ->type_name("ADDRESS");
  serve.add_option("--port", flags.port, "Listen on this port (default 8080; 0: any free one)")
      ->type_name("PORT");
  serve.add_option("--data-dir", flags.data_dir, "Keep the database here (default ./data)")
      ->type_name("DIR");
  serve.add_option("--auth", flags.auth, "Who may speak as whom (default token)")
      ->type_name("token|open");
  serve.add_option("--threads", flags.threads, "Cores to use (default: all that it may)")
      ->type_name("N");
  serve.add_option("--admin", flags.admin, "Metrics listen here (default 127.0.0.1:9464)")
      ->type_name("HOST:PORT");
  serve.add_option("--log-level", flags.log_level, "Least level to log (default info)")
      ->type_name("debug|info|warning|error");
}

int run_serve(const ServeFlags& flags) {
  Settings settings;
  if (!flags.config.empty()) settings.apply_file(flags.config);
  settings.apply_environment(environment());
  const auto apply = [&settings](const char* key, const std::string& value, const char* flag) {
    if (!value.empty()) settings.apply(key, value, flag);
  };
  apply("server.host", flags.host, "--host");
  apply("server.port", flags.port, "--port");
  apply("server.data_dir", flags.data_dir, "--data-dir");
  apply("auth.mode", flags.auth, "--auth");
  apply("server.threads", flags.threads, "--threads");
  apply("log.level", flags.log_level, "--log-level");
  if (!flags.admin.empty()) {
    if (const auto parts = parse_host_port(flags.admin)) {
      settings.apply("admin.host", parts->first, "--admin");
      settings.apply("admin.port", std::to_string(parts->second), "--admin");
    } else {
      std::fprintf(stderr, "--admin: error: must be HOST:PORT\n");
      return exit_usage;
    }
  }
  settings.check();
  return settings.problems().empty() ? serve(settings.config()) : report(settings);
}

int run_check(const std::string& file) {
  Settings settings;
  settings.apply_file(file);
  settings.check();
  if (!settings.problems().empty()) return report(settings);
  std::printf("%s: ok\n", file.c_str());
  return exit_ok;
}

// A usage error says what is wrong and where help is, and no more.
int usage_error(const std::string& what) {
  std::fprintf(stderr, "starling: %s\nTry 'starling --help'.\n", what.c_str());
  return exit_usage;
}

// A first word that is no command is more often misspelt than meant.
bool names_unknown_command(const CLI::App& app, int argc, char** argv, std::string& hint) {
  if (argc < 2 || argv[1][0] == '-') return false;
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands(nullptr)) known.push_back(command->get_name());
  if (std::ranges::find(known, argv[1]) != known.end()) return false;
  hint = "unknown command '" + std::string{argv[1]} + "'";
  const std::string near = closest(argv[1], known);
  if (!near.empty()) hint += ", did you mean '" + near + "'?";
  return true;
}

// The program's own help, whichever command was parsed.
std::string whole_help(const CLI::App& app) {
  return app.get_formatter()->make_help(&app, app.get_name(), CLI::AppFormatMode::Normal);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  CLI::App app{"starling: a chat and real-time messaging server"};
  app.name("starling");
  app.footer("Try:  starling serve      then open http://127.0.0.1:8080");
  app.require_subcommand(0, 1);

  ServeFlags flags;
  CLI::App* const serve = app.add_subcommand("serve", "Run the server in the foreground");
  add_serve_flags(*serve, flags);
  serve->footer(
      "A flag beats STARLING_SECTION__KEY in the environment, which beats the file.\n"
      "SIGTERM or SIGINT drains and stops; a second one stops at once.");

  std::string file;
  CLI::App* const check = app.add_subcommand("check", "Check a configuration file");
  check->add_option("file", file, "The TOML file")->required()->type_name("FILE");

  bool as_json = false;
  CLI::App* const version = app.add_subcommand("version", "Print the version");
  version->add_flag("--json", as_json, "As a JSON object");

  std::string topic;
  CLI::App* const help = app.add_subcommand("help", "Print help on a command");
  help->add_option("command", topic, "The command")->type_name("COMMAND");

  std::string hint;
  if (names_unknown_command(app, argc, argv, hint)) return usage_error(hint);
  try {  // the library's way of reporting; it ends here
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    std::cout << (chosen.empty() ? whole_help(app) : chosen.front()->help("starling"));
    return exit_ok;
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }

  if (*serve) return run_serve(flags);
  if (*check) return run_check(file);
  if (*version) {
    std::printf(as_json ? "{\"version\":\"%s\"}\n" : "starling %s\n", starling::version);
    return exit_ok;
  }
  if (*help && !topic.empty()) {
    for (const CLI::App* command : app.get_subcommands(nullptr)) {
      if (command->get_name() != topic) continue;
      std::cout << command->help("starling");
      return exit_ok;
    }
    return usage_error("unknown command '" + topic + "'");
  }
  std::cout << whole_help(app);
  return exit_ok;
}

}  // namespace starling::server
