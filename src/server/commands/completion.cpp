// starling completion: scripts by which shells complete the program's command lines.
#include <functional>
#include <utility>

#include "server/commands/commands.hpp"
#include "server/commands/completion.hpp"
#include "server/commands/output.hpp"
#include "server/commands/table.hpp"

namespace starling::server {
namespace {

// Every command, those that have commands of their own behind these.
using Each = std::function<void(const std::vector<std::string>& words, const Command& command)>;
void walk(const std::vector<Command>& commands, std::vector<std::string> words, const Each& each) {
  for (const Command& one : commands) {
    words.push_back(one.name);
    walk(one.commands, words, each);
    each(words, one);
    words.pop_back();
  }
}

std::string joined(const std::vector<std::string>& words, const char* between = " ") {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : between) + word;
  return text;
}

// In single quotes, for any of the shells.
std::string quoted_for_shell(const std::string& text) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  return out + "'";
}

// ---- bash ------------------------------------------------------------------------------------

// What completes a value, as an argument of compgen.
std::string bash_values(const Parameter& one) {
  if (!one.choices.empty()) return "-W " + quoted_for_shell(joined(one.choices));
  if (one.expects == Expects::file) return "-f";
  if (one.expects == Expects::folder) return "-d";
  return "-W ''";
}

std::string bash_case(const std::vector<std::string>& words, const Command& command) {
  std::string text =
      "    " + quoted_for_shell(joined(words) + " ") + "*)\n      case $previous in\n";
  std::vector<std::string> all{"--help"};
  std::string positional;
  for (const Command& one : command.commands) all.push_back(one.name);
  for (const Parameter& one : command.parameters) {
    if (one.is_option()) all.push_back(one.name);
    if (!one.is_option()) positional += " " + bash_values(one);
    if (!one.is_option() || one.is_flag()) continue;
    text +=
        "        " + one.name + ") found=$(compgen " + bash_values(one) + " -- \"$current\") ;;\n";
  }
  const bool repeats = positional.find("-W") != std::string::npos;  // compgen takes one list only
  if (repeats) {
    for (const Parameter& one : command.parameters) {
      if (!one.is_option()) all.insert(all.end(), one.choices.begin(), one.choices.end());
    }
    positional.clear();
  }
  return text + "        *) found=$(compgen" + positional + " -W " + quoted_for_shell(joined(all)) +
         " -- \"$current\") ;;\n      esac ;;\n";
}

std::string bash_script() {
  std::string text =
      "# Completion of starling for bash.\n"
      "_starling() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
      "  local words= found= i\n"
      "  for ((i = 1; i < COMP_CWORD; ++i)); do words+=\"${COMP_WORDS[i]} \"; done\n"
      "  case $words in\n";
  std::vector<std::string> first{"--help", "--version"};
  for (const Command& one : all_commands()) first.push_back(one.name);
  walk(all_commands(), {}, [&text](const std::vector<std::string>& words, const Command& command) {
    text += bash_case(words, command);
  });
  return text + "    '') found=$(compgen -W " + quoted_for_shell(joined(first)) +
         " -- \"$current\") ;;\n  esac\n  mapfile -t COMPREPLY < <(printf '%s' \"$found\")\n}\n"
         "complete -o filenames -F _starling starling\n";
}

// ---- zsh -------------------------------------------------------------------------------------

// Inside of single quotes and an _arguments specification.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == ':' || c == '[' || c == ']') out += '\\';
    out += c == '\'' ? std::string{"'\\''"} : std::string(1, c);
  }
  return out;
}

std::string zsh_values(const Parameter& one) {
  if (!one.choices.empty()) return "(" + joined(one.choices) + ")";
  if (one.expects == Expects::file) return "_files";
  return one.expects == Expects::folder ? "_files -/" : " ";
}

std::string zsh_case(const std::vector<std::string>& words, const Command& command) {
  std::string text = "  " + quoted_for_shell(joined(words) + " ") + "*)\n    words=(\"${(@)words[" +
                     std::to_string(words.size() + 1) +
                     ",-1]}\"); (( CURRENT -= " + std::to_string(words.size()) +
                     " ))\n    _arguments '--help[Print help]'";
  for (const Parameter& one : command.parameters) {
    text += " \\\n      '";
    if (one.is_option()) text += one.name + "[" + zsh_text(one.help) + "]";
    if (!one.is_flag()) {
      text += std::string{one.is_option() ? ""
                          : one.repeats   ? "*"
                                          : ""} +
              ":" + zsh_text(one.value) + ":" + zsh_values(one);
    }
    text += "'";
  }
  if (!command.commands.empty()) {
    std::vector<std::string> names;
    for (const Command& one : command.commands) names.push_back(one.name);
    text += " \\\n      ':command:(" + joined(names) + ")'";
  }
  return text + " ;;\n";
}

std::string zsh_script() {
  std::string text =
      "#compdef starling\n"
      "# Completion of starling for zsh.\n"
      "local typed=\"${(j: :)words[2,CURRENT-1]} \"\n"
      "case $typed in\n";
  std::vector<std::string> first;
  for (const Command& one : all_commands()) first.push_back(one.name);
  walk(all_commands(), {}, [&text](const std::vector<std::string>& words, const Command& command) {
    text += zsh_case(words, command);
  });
  return text + "  *) _arguments '--help[Print help]' '--version[Print the version]' ':command:(" +
         joined(first) + ")' ;;\nesac\n";
}

// ---- fish ------------------------------------------------------------------------------------

std::string fish_line(const std::string& condition, const std::string& rest,
                      const std::string& help) {
  return "complete -c starling -n " + quoted_for_shell(condition) + " " + rest + " -d " +
         quoted_for_shell(help) + "\n";
}

std::string fish_values(const Parameter& one) {
  if (!one.choices.empty()) return " -x -a " + quoted_for_shell(joined(one.choices));
  if (one.expects == Expects::folder) return " -x -a '(__fish_complete_directories)'";
  return one.expects == Expects::file ? " -r -F" : " -x";
}

std::string fish_lines(const std::vector<std::string>& words, const Command& command) {
  std::string here;
  for (const std::string& word : words) {
    here += (here.empty() ? "" : "; and ") + std::string{"__fish_seen_subcommand_from "} + word;
  }
  std::string text;
  std::vector<std::string> names;
  for (const Command& one : command.commands) names.push_back(one.name);
  for (const Command& one : command.commands) {
    text += fish_line(here + "; and not __fish_seen_subcommand_from " + joined(names),
                      "-a " + one.name, one.help);
  }
  for (const Parameter& one : command.parameters) {
    if (!one.is_option()) {
      text += fish_line(here, fish_values(one).substr(1), one.help);
      continue;
    }
    text += fish_line(here, "-l " + one.name.substr(2) + (one.is_flag() ? "" : fish_values(one)),
                      one.help);
  }
  return text;
}

std::string fish_script() {
  std::string text =
      "# Completion of starling for fish.\n"
      "complete -c starling -f\n"
      "complete -c starling -l help -d 'Print help'\n";
  for (const Command& one : all_commands()) {
    text += fish_line("__fish_use_subcommand", "-a " + one.name, one.help);
  }
  walk(all_commands(), {}, [&text](const std::vector<std::string>& words, const Command& command) {
    text += fish_lines(words, command);
  });
  return text;
}

}  // namespace

std::string completion_script(const std::string& shell) {
  if (shell == "bash") return bash_script();
  return shell == "zsh" ? zsh_script() : fish_script();
}

Command completion_command() {
  return {.name = "completion",
          .help = "Print a script that completes command lines",
          .group = "Other",
          .parameters = {{.name = "shell",
                          .value = "SHELL",
                          .help = "bash, zsh or fish",
                          .choices = {"bash", "zsh", "fish"},
                          .required = true}},
          .notes = "For this session of bash:  source <(starling completion bash)",
          .run = [](const Given& given) { return print(completion_script(given.text("shell"))); }};
}

}  // namespace starling::server
