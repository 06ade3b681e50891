#include "server/manual.hpp"

#include <array>
#include <functional>
#include <utility>

#include "server/commands/table.hpp"
#include "server/exit_code.hpp"
#include "server/keys.hpp"
#include "server/value.hpp"
#include "starling/version.hpp"

namespace starling::server {
namespace {

constexpr std::array<std::pair<ExitCode, const char*>, 14> exit_codes{{
    {exit_ok, "Done; of a server: asked to stop, and stopped"},
    {exit_usage, "The command line is wrong"},
    {exit_bad_data, "What was given is damaged, not valid or something else"},
    {exit_no_input, "A file that was named is not there"},
    {exit_no_user, "A user that was named is not there, or is disabled"},
    {exit_unavailable, "A port is taken, the data folder is in use, a database or server is away"},
    {exit_internal, "The system has no random numbers"},
    {exit_os, "The system lacks something: io_uring is refused, or memory"},
    {exit_cannot_create, "What was to be made is there already"},
    {exit_io, "A file could not be read or written"},
    {exit_temporary, "It works in part, and may work again by itself"},
    {exit_config, "The configuration is wrong"},
    {exit_interrupted, "A second SIGINT"},
    {exit_terminated, "A second SIGTERM"},
}};

using Each = std::function<void(const std::string& words, const Command& command)>;

// Every command that does something, with its words.
void walk(const std::vector<Command>& commands, const std::string& before, const Each& each) {
  for (const Command& one : commands) {
    if (one.run) each(before + one.name, one);
    walk(one.commands, before + one.name + " ", each);
  }
}

// Text that man(7) shows as it is: no escape, no request, no hyphen that is a dash.
std::string roff(const std::string& text) {
  std::string out;
  for (const char c : text) {
    const bool begins = out.empty() || out.back() == '\n';
    if (begins && (c == '.' || c == '\'')) out += "\\&";
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

std::string bold(const std::string& text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(const std::string& text) { return "\\fI" + roff(text) + "\\fR"; }

std::string shown(const Parameter& one) {
  if (!one.is_option()) return italic(one.value);
  return bold(one.name) + (one.is_flag() ? "" : " " + italic(one.value));
}

std::string title(const char* name, const char* section, const char* about) {
  return std::string{".TH "} + name + " " + section + " \"\" \"starling " + version +
         "\" \"Starling\"\n.SH NAME\n" + roff(about) + "\n";
}

std::string command_entry(const std::string& words, const Command& command) {
  std::string text = ".SS " + bold("starling " + words);
  for (const Parameter& one : command.parameters) {
    if (!one.is_option()) text += " " + italic(one.required ? one.value : "[" + one.value + "]");
  }
  text += "\n" + roff(command.help) + ".\n";
  for (const Parameter& one : command.parameters) {
    text += ".TP\n" + shown(one) + "\n" + roff(one.help) + ".\n";
  }
  if (!command.notes.empty()) text += ".PP\n" + roff(command.notes) + "\n";
  return text;
}

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '|') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

std::string command_manual() {
  std::string text = title("STARLING", "8", "starling - a chat and real-time messaging server");
  text += ".SH SYNOPSIS\n" + bold("starling") + " " + italic("command") + " [" + italic("options") +
          "]\n.SH COMMANDS\n";
  walk(all_commands(), "", [&text](const std::string& words, const Command& command) {
    text += command_entry(words, command);
  });
  text += ".SH EXIT STATUS\n";
  for (const auto& [code, meaning] : exit_codes) {
    text += ".TP\n" + bold(std::to_string(code)) + "\n" + roff(meaning) + ".\n";
  }
  return text +
         ".SH ENVIRONMENT\n.TP\n\\fBSTARLING_\\fR\\fISECTION\\fR\\fB__\\fR\\fIKEY\\fR\nA setting; "
         "stronger than the file, weaker than an option.\n.TP\n\\fBCREDENTIALS_DIRECTORY\\fR\n"
         "Secrets in files that are named like their keys.\n.TP\n\\fBNOTIFY_SOCKET\\fR, "
         "\\fBWATCHDOG_USEC\\fR, \\fBLISTEN_FDS\\fR\nAs of systemd.\n.SH SEE ALSO\n"
         "\\fBstarling.toml\\fR(5)\n";
}

std::string settings_manual() {
  std::string text =
      title("STARLING.TOML", "5", "starling.toml - settings of the Starling chat server");
  text +=
      ".SH DESCRIPTION\nA TOML file that\n.BR starling (8)\nreads where it is named by "
      "\\fB\\-\\-config\\fR. Every key is optional. What is \\fIreload\\fR takes effect at "
      "\\fBstarling reload\\fR or SIGHUP, what is \\fIrestart\\fR at the next start. For a secret "
      "or a URL, \\fIkey\\fR\\fB_file\\fR names a file that holds it.\n";
  Config config;
  std::string section;
  for (const Key& key : keys_of(config)) {
    if (key.section() != section) {
      section = key.section();
      text += ".SH [" + roff(section) + "]\n" + roff(std::string{about_section(section)}) + ".\n";
    }
    const std::string unit = unit_of(key);
    text += ".TP\n" + bold(key.leaf()) + " = " + roff(toml_of(key)) + "\n" + roff(key.help) + " (" +
            roff(range_of(key)) + (unit.empty() ? "" : ", " + unit) + "; " +
            (key.takes == Takes::reload ? "reload" : "restart") + ").\n";
  }
  return text +
         ".SH SEE ALSO\n\\fBstarling\\fR(8); \\fBstarling config default\\fR prints a file with "
         "all of this.\n";
}

std::string command_page() {
  std::string text =
      "# Command line\n\n"
      "<!-- Written from src/server/commands: build-test/tools/reference command-line.md > "
      "docs/command-line.md -->\n\n"
      "    starling <command> [options]\n\n"
      "`starling help COMMAND` shows the same on a screen, `man starling` in one piece.\n";
  walk(all_commands(), "", [&text](const std::string& words, const Command& command) {
    text += "\n## starling " + words + "\n\n" + command.help + ".";
    if (!command.notes.empty()) text += " " + cell(command.notes);
    text += "\n";
    if (command.parameters.empty()) return;
    text += "\n| may be given | what |\n|---|---|\n";
    for (const Parameter& one : command.parameters) {
      const std::string name = one.is_option() ? one.name : one.value;
      text += "| `" + name + (one.is_flag() || !one.is_option() ? "" : " " + cell(one.value)) +
              "` | " + cell(one.help) + " |\n";
    }
  });
  text += "\n## Exit codes\n\n| code | meaning |\n|---|---|\n";
  for (const auto& [code, meaning] : exit_codes) {
    text += "| " + std::to_string(code) + " | " + meaning + " |\n";
  }
  return text;
}

}  // namespace starling::server
