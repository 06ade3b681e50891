// Parses the command line by the table of commands. This file alone knows CLI11.
#include "server/command_line.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "server/commands/command.hpp"
#include "server/commands/help.hpp"
#include "server/commands/output.hpp"
#include "server/commands/table.hpp"
#include "server/settings.hpp"

namespace starling::server {
namespace {

// The words of the command line that name a command, and what that is.
struct Chosen {
  std::string words;
  const Command* command = nullptr;    // nullptr: the program itself
  std::vector<std::string> arguments;  // what follows
  std::string mistake;
};

// A first word that is no command is more often misspelt than meant; so is the second, where a
// command has commands of its own.
Chosen choose(int argc, char** argv) {
  Chosen chosen;
  const std::vector<Command>* among = &all_commands();
  int i = 1;
  for (; i < argc && argv[i][0] != '-' && !among->empty(); ++i) {
    const auto found = std::ranges::find(*among, std::string{argv[i]}, &Command::name);
    if (found == among->end()) {
      std::vector<std::string> known;
      for (const Command& one : *among) known.push_back(one.name);
      chosen.mistake = unknown("command", argv[i], known);
      return chosen;
    }
    chosen.words += (chosen.words.empty() ? "" : " ") + found->name;
    chosen.command = &*found;
    among = &found->commands;
  }
  chosen.arguments.assign(argv + i, argv + argc);
  return chosen;
}

// Lets `app` fill `given` with one of its command's parameters.
void accept(CLI::App& app, const Parameter& one, Given& given) {
  if (one.is_flag()) {
    app.add_flag_callback(one.name, [&given, &one] { given.add(one.name, ""); });
    return;
  }
  if (one.repeats) {
    app.add_option_function<std::vector<std::string>>(
        one.name, [&given, &one](const std::vector<std::string>& words) {
          std::string joined;
          for (const std::string& word : words) joined += (joined.empty() ? "" : " ") + word;
          given.add(one.name, joined);
        });
    return;
  }
  app.add_option_function<std::string>(
         one.name, [&given, &one](const std::string& value) { given.add(one.name, value); })
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
}

// "unknown option '--prot', did you mean '--port'?"; nothing where nothing is left.
std::string mistake_in(const std::vector<std::string>& left, const Command& command) {
  std::vector<std::string> known{"--help"};
  for (const Parameter& one : command.parameters) {
    if (one.is_option()) known.push_back(one.name);
  }
  for (const std::string& word : left) {
    if (word.starts_with("-")) return unknown("option", word.substr(0, word.find('=')), known);
  }
  return left.empty() ? "" : "one argument too many: '" + left.front() + "'";
}

// An argument that is missing, or a value that is none of those that are allowed. What a setting
// may be is its table's affair.
std::string mistake_in(const Given& given, const Command& command) {
  for (const Parameter& one : command.parameters) {
    if (one.required && !given.has(one.name)) return one.value + " is missing";
    if (one.choices.empty() || !one.key.empty() || !given.has(one.name)) continue;
    const std::string value = given.text(one.name);
    if (std::ranges::find(one.choices, value) != one.choices.end()) continue;
    std::string all;
    for (const std::string& choice : one.choices) all += (all.empty() ? "" : ", ") + choice;
    return unknown(one.name, value, one.choices) + " (one of " + all + ")";
  }
  return {};
}

int parse_and_run(Chosen chosen) {
  const Command& command = *chosen.command;
  CLI::App app;
  app.allow_extras();
  Given given;
  for (const Parameter& one : command.parameters) accept(app, one, given);
  std::ranges::reverse(chosen.arguments);  // as the library wants them
  try {                                    // its way of reporting; it ends here
    app.parse(chosen.arguments);
  } catch (const CLI::CallForHelp&) {
    return print(help_text(chosen.words));
  } catch (const CLI::ParseError& error) {
    return usage_error(error.what());
  }
  for (const std::string& wrong :
       {mistake_in(app.remaining(), command), mistake_in(given, command)}) {
    if (!wrong.empty()) return usage_error(wrong);
  }
  return command.run(given);
}

// Of the program, or of a command that has commands of its own and was given none of them.
int run_without_command(const Chosen& chosen) {
  if (chosen.arguments.empty() && !chosen.command) return print(help_text(""));
  const std::string first = chosen.arguments.empty() ? "" : chosen.arguments.front();
  if (first == "--help" || first == "-h") return print(help_text(chosen.words));
  if (first == "--version" && !chosen.command) return find_command("version")->run({});
  if (!first.empty()) return usage_error(unknown("option", first, {"--help", "--version"}));
  std::string which;
  for (const Command& one : chosen.command->commands) {
    which += (which.empty() ? "" : ", ") + one.name;
  }
  return usage_error(chosen.words + " needs one of " + which);
}

}  // namespace

int run_command_line(int argc, char** argv) {
  Chosen chosen = choose(argc, argv);
  if (!chosen.mistake.empty()) return usage_error(chosen.mistake);
  const bool runs = chosen.command && chosen.command->run;
  return runs ? parse_and_run(std::move(chosen)) : run_without_command(chosen);
}

}  // namespace starling::server
