// What the command line looks like. What a command does stands in a file of its own; this one alone
// knows CLI11.
#include "server/command_line.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "server/control.hpp"
#include "server/data_commands.hpp"
#include "server/exit_code.hpp"
#include "server/migrate.hpp"
#include "server/reference.hpp"
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

// A usage error says what is wrong and where help is, and no more.
int usage_error(const std::string& what) {
  std::fprintf(stderr, "starling: %s\nTry 'starling --help'.\n", what.c_str());
  return exit_usage;
}

int report(const Settings& settings) {
  for (const Problem& problem : settings.problems()) {
    std::fprintf(stderr, "%s\n", to_string(problem).c_str());
  }
  return exit_config;
}

int print(const std::string& text) {
  std::cout << text;
  return exit_ok;
}

int ask_running(const std::string& folder, const std::string& question, bool until_end) {
  const base::Result<ControlAnswer> said = ask_server(folder, question, until_end);
  if (!said) {
    std::fprintf(stderr, "starling: %s\n", said.error().message.c_str());
    return exit_unavailable;
  }
  // Of a server that works in part the state is an answer, too.
  const bool answered = said->exit_code == exit_ok || said->exit_code == exit_temporary;
  std::fprintf(answered ? stdout : stderr, "%s\n", said->text.c_str());
  return said->exit_code;
}

// The settings flags of a command, as they were given; empty: not given.
struct SettingsFlags {
  std::string config, host, port, data_dir, auth, threads, admin, log_level;
};

void add_config_flag(CLI::App& command, SettingsFlags& flags) {
  command.add_option("--config", flags.config, "Read settings from this TOML file")
      ->type_name("FILE");
}

void add_settings_flags(CLI::App& command, SettingsFlags& flags) {
  command.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  add_config_flag(command, flags);
  command.add_option("--host", flags.host, "Listen on this address (default 127.0.0.1)")
      ->type_name("ADDRESS");
  command.add_option("--port", flags.port, "Listen on this port (default 8080; 0: any free one)")
      ->type_name("PORT");
  command.add_option("--data-dir", flags.data_dir, "Keep the database here (default ./data)")
      ->type_name("DIR");
  command.add_option("--auth", flags.auth, "Who may speak as whom (default token)")
      ->type_name("token|open");
  command.add_option("--threads", flags.threads, "Cores to use (default: all that it may)")
      ->type_name("N");
  command.add_option("--admin", flags.admin, "Metrics listen here (default 127.0.0.1:9464)")
      ->type_name("HOST:PORT");
  command.add_option("--log-level", flags.log_level, "Least level to log (default info)")
      ->type_name("debug|info|warning|error");
}

// From all sources, the strongest last.
Settings gather(const SettingsFlags& flags) {
  Settings settings;
  if (!flags.config.empty()) settings.apply_file(flags.config);
  if (const char* credentials = std::getenv("CREDENTIALS_DIRECTORY")) {
    settings.apply_credentials(credentials);
  }
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
  if (const auto parts = parse_host_port(flags.admin)) {
    settings.apply("admin.host", parts->first, "--admin");
    settings.apply("admin.port", std::to_string(parts->second), "--admin");
  }
  settings.check();
  return settings;
}

int run_check(const std::string& file) {
  Settings settings;
  settings.apply_file(file);
  settings.check();
  if (!settings.problems().empty()) return report(settings);
  return print(file + ": ok\n");
}

// The commands and what they were given.
class Program {
 public:
  Program();
  int run(int argc, char** argv);

 private:
  using Action = std::function<int()>;

  CLI::App& command(CLI::App& parent, const std::string& name, const std::string& help,
                    Action action);
  // One that finds a server by its data folder.
  CLI::App& data_command(const char* name, const char* help, Action action);
  void add_serve();
  void add_migrate();
  void add_check();
  void add_config();
  void add_data();
  void add_live();
  void add_version();
  void add_help();
  int help_on(const std::string& topic);
  // The program's own help, whichever command was parsed.
  std::string whole_help() const;
  bool names_unknown_command(int argc, char** argv, std::string& hint) const;

  CLI::App app_{"starling: a chat and real-time messaging server"};
  SettingsFlags flags_;
  std::string file_;
  std::string topic_;
  std::string level_;
  bool replace_ = false;
  bool as_json_ = false;
  bool with_origins_ = false;
  bool dry_run_ = false;
  Action action_;  // of the command that was named
};

Program::Program() {
  app_.name("starling");
  app_.require_subcommand(0, 1);
  add_serve();
  add_migrate();
  add_check();
  add_config();
  add_data();
  add_live();
  add_version();
  add_help();
  // Last, or every command would inherit it.
  app_.footer("Try:  starling serve      then open http://127.0.0.1:8080");
}

CLI::App& Program::command(CLI::App& parent, const std::string& name, const std::string& help,
                           Action action) {
  CLI::App& added = *parent.add_subcommand(name, help);
  if (action) added.final_callback([this, action = std::move(action)] { action_ = action; });
  return added;
}

void Program::add_serve() {
  CLI::App& serve_command = command(app_, "serve", "Run the server in the foreground", [this] {
    if (!flags_.admin.empty() && !parse_host_port(flags_.admin)) {
      return usage_error("--admin must be HOST:PORT");
    }
    const Settings settings = gather(flags_);
    if (!settings.problems().empty()) return report(settings);
    return serve(settings, [this] { return gather(flags_); });
  });
  add_settings_flags(serve_command, flags_);
  serve_command.footer(
      "A flag beats STARLING_SECTION__KEY in the environment, which beats the file.\n"
      "SIGHUP reloads. SIGTERM or SIGINT drains and stops; a second one stops at once.");
}

void Program::add_migrate() {
  CLI::App& parent = command(app_, "migrate", "The schema of a MySQL archive", nullptr);
  parent.require_subcommand(1);
  const auto run = [this](bool up) {
    const Settings settings = gather(flags_);
    if (!settings.problems().empty()) return report(settings);
    return migrate(settings.config(), {up, dry_run_, as_json_});
  };
  CLI::App& status = command(parent, "status", "Say what is done and what is still to be done",
                             [run] { return run(false); });
  CLI::App& up = command(parent, "up", "Do what is still to be done", [run] { return run(true); });
  up.add_flag("--dry-run", dry_run_, "Only say what would be done");
  for (CLI::App* one : {&status, &up}) {
    add_config_flag(*one, flags_);
    one->add_flag("--json", as_json_, "As a JSON object");
  }
}

void Program::add_check() {
  CLI::App& check =
      command(app_, "check", "Check a configuration file", [this] { return run_check(file_); });
  check.add_option("file", file_, "The TOML file")->required()->type_name("FILE");
}

void Program::add_config() {
  CLI::App& config = command(app_, "config", "Show settings", nullptr);
  config.require_subcommand(1);
  CLI::App& show = command(config, "show", "What holds, by file, environment and defaults", [this] {
    const Settings settings = gather(flags_);
    if (!settings.problems().empty()) return report(settings);
    return print(as_json_ ? settings_as_json(settings) : settings_as_toml(settings, with_origins_));
  });
  add_config_flag(show, flags_);
  show.add_flag("--origin", with_origins_, "And where each value comes from");
  show.add_flag("--json", as_json_, "As a JSON object, with origins");
  show.footer("Secrets are never shown.");
  command(config, "default", "A file with every key and its default",
          [] { return print(default_toml()); });
}

CLI::App& Program::data_command(const char* name, const char* help, Action action) {
  CLI::App& added = command(app_, name, help, std::move(action));
  add_config_flag(added, flags_);
  added.add_option("--data-dir", flags_.data_dir, "The server's data folder (default ./data)")
      ->type_name("DIR");
  return added;
}

void Program::add_data() {
  const auto on_data = [this](auto act) {
    return [this, act] {
      const Settings settings = gather(flags_);
      return settings.problems().empty() ? act(settings.config()) : report(settings);
    };
  };
  CLI::App& backup =
      data_command("backup", "Copy the database into a file, while the server runs or not",
                   on_data([this](const Config& c) { return back_up_data(c, file_); }));
  backup.add_option("file", file_, "The copy; must not exist")->required()->type_name("FILE");
  CLI::App& restore =
      data_command("restore", "Put a copy in the place of the database of a stopped server",
                   on_data([this](const Config& c) { return restore_data(c, file_, replace_); }));
  restore.add_option("file", file_, "What backup made")->required()->type_name("FILE");
  restore.add_flag("--replace", replace_, "A database that is there is kept beside, as .replaced");
  restore.footer("Clients that saw what came after the copy are told to start afresh.");
}

// What a running server is asked.
void Program::add_live() {
  const auto ask = [this](const std::string& question, bool until_end = false) {
    const Settings settings = gather(flags_);
    if (!settings.problems().empty()) return report(settings);
    return ask_running(settings.config().server.data_dir, question, until_end);
  };
  CLI::App& status =
      data_command("status", "Show how a running server is, and which others it hears",
                   [this, ask] { return ask(as_json_ ? "status json" : "status"); });
  status.add_flag("--json", as_json_, "As a JSON object, as of GET /api/fleet");
  status.footer(
      "Ends with 0 if all is well, 75 if the archive or the bus is away or the server drains,\n"
      "69 if no server runs there.");
  data_command("reload", "Let a running server read its settings again", [ask] {
    return ask("reload");
  }).footer("Ends with 78, and the server keeps its settings, if they are wrong.");
  data_command("drain", "Let a running server send its clients away and stop; waits for its end",
               [ask] { return ask("drain", true); });
  data_command("log-level", "Change what a running server logs, until its next reload or restart",
               [this, ask] { return ask("log-level " + level_); })
      .add_option("level", level_, "debug, info, warning or error")
      ->required()
      ->type_name("LEVEL");
}

void Program::add_version() {
  CLI::App& version = command(app_, "version", "Print the version", [this] {
    const std::string number = starling::version;
    return print(as_json_ ? "{\"version\":\"" + number + "\"}\n" : "starling " + number + "\n");
  });
  version.add_flag("--json", as_json_, "As a JSON object");
}

void Program::add_help() {
  CLI::App& help = command(app_, "help", "Print help on a command", [this] {
    return topic_.empty() ? print(whole_help()) : help_on(topic_);
  });
  help.add_option("command", topic_, "The command")->type_name("COMMAND");
}

int Program::help_on(const std::string& topic) {
  for (const CLI::App* known : app_.get_subcommands(nullptr)) {
    if (known->get_name() == topic) return print(known->help("starling"));
  }
  return usage_error("unknown command '" + topic + "'");
}

std::string Program::whole_help() const {
  return app_.get_formatter()->make_help(&app_, app_.get_name(), CLI::AppFormatMode::Normal);
}

// A first word that is no command is more often misspelt than meant; so is the second, where a
// command has commands of its own.
bool Program::names_unknown_command(int argc, char** argv, std::string& hint) const {
  const CLI::App* parent = &app_;
  for (int i = 1; i < argc && argv[i][0] != '-'; ++i) {
    std::vector<std::string> known;
    const CLI::App* chosen = nullptr;
    for (const CLI::App* child : parent->get_subcommands(nullptr)) {
      known.push_back(child->get_name());
      if (known.back() == argv[i]) chosen = child;
    }
    if (known.empty()) return false;
    if (!chosen) {
      hint = unknown("command", argv[i], known);
      return true;
    }
    parent = chosen;
  }
  return false;
}

int Program::run(int argc, char** argv) {
  std::string hint;
  if (names_unknown_command(argc, argv, hint)) return usage_error(hint);
  try {  // the library's way of reporting; it ends here
    app_.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const CLI::App* chosen = &app_;
    std::string path = "starling";
    while (!chosen->get_subcommands().empty()) {
      if (chosen != &app_) path += " " + chosen->get_name();
      chosen = chosen->get_subcommands().front();
    }
    return print(chosen == &app_ ? whole_help() : chosen->help(path));
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }
  return action_ ? action_() : print(whole_help());
}

}  // namespace

int run_command_line(int argc, char** argv) { return Program{}.run(argc, argv); }

}  // namespace starling::server
