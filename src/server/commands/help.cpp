#include "server/commands/help.hpp"

#include "server/commands/commands.hpp"
#include "server/commands/output.hpp"
#include "server/commands/table.hpp"
#include "server/settings.hpp"

namespace starling::server {
namespace {

constexpr std::size_t group_column = 8;
constexpr std::size_t column = 22;  // where explanations begin

// "  NAME   TEXT"; a long name has a line of its own.
std::string row(const std::string& name, const std::string& text) {
  std::string line = "  " + name;
  if (line.size() + 2 > column) return line + "\n" + std::string(column, ' ') + text + "\n";
  line.resize(column, ' ');
  return line + text + "\n";
}

std::string shown(const Parameter& one) {
  if (!one.is_option()) return one.value;
  return one.is_flag() ? one.name : one.name + " " + one.value;
}

std::string usage(const std::string& words, const Command& command) {
  std::string line = "Usage: starling " + words;
  if (!command.commands.empty()) return line + " <command> [options]\n";
  for (const Parameter& one : command.parameters) {
    if (one.is_option()) continue;
    line += one.required ? " " + one.value : " [" + one.value + "]";
  }
  return line + " [options]\n";
}

std::string command_help(const std::string& words, const Command& command) {
  std::string text = command.help + ".\n\n" + usage(words, command);
  if (!command.commands.empty()) text += "\n";
  for (const Command& one : command.commands) text += row(one.name, one.help);
  if (!command.parameters.empty()) text += "\n";
  for (const Parameter& one : command.parameters) text += row(shown(one), one.help);
  if (!command.notes.empty()) text += "\n" + command.notes + "\n";
  return text;
}

std::string program_help() {
  std::string text =
      "starling: a chat and real-time messaging server\n\n"
      "Usage: starling <command> [options]\n\n";
  std::string group;
  for (const Command& one : all_commands()) {
    std::string line = one.group == group ? "" : one.group;
    line.resize(group_column, ' ');
    line += one.name;
    line.resize(column, ' ');
    text += line + one.help + "\n";
    group = one.group;
  }
  return text +
         "\nTry:  starling serve      then open http://127.0.0.1:8080\n"
         "      starling help serve\n";
}

int run(const Given& given) {
  const std::string words = given.text("command");
  if (words.empty() || find_command(words)) return print(help_text(words));
  std::vector<std::string> known;
  for (const Command& one : all_commands()) known.push_back(one.name);
  return usage_error(unknown("command", words, known));
}

}  // namespace

std::string help_text(const std::string& words) {
  const Command* const command = find_command(words);
  return command ? command_help(words, *command) : program_help();
}

Command help_command() {
  return {.name = "help",
          .help = "Print help on a command",
          .group = "Other",
          .parameters = {{.name = "command",
                          .value = "COMMAND",
                          .help = "One or more words, as in \"config show\"",
                          .repeats = true}},
          .run = run};
}

}  // namespace starling::server
