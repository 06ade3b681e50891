// A command of the program as a value: what it is called, what it may be given, what it does. From
// the table of all commands come what is accepted, help, completions, starling(8), and the
// handbook's page. A new command is a file in this folder and a line in table.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace starling::server {

// What a shell may complete a value with.
enum class Expects : std::uint8_t { text, file, folder };

// What a command may be given: an option ("--data-dir DIR"), a flag ("--json"), or an argument by
// its place ("FILE").
struct Parameter {
  std::string name{};                  // "--data-dir"; of an argument by its place, "file"
  std::string value{};                 // what stands for its value in help; empty: a flag
  std::string help{};                  // one line, begins large, ends without a full stop
  std::vector<std::string> choices{};  // where only these are allowed
  Expects expects = Expects::text;
  std::string key{};      // the setting that it sets; a section: its host and port
  bool required = false;  // of an argument
  bool repeats = false;   // of the last argument: joined by spaces

  bool is_option() const { return name.starts_with("--"); }
  bool is_flag() const { return value.empty(); }
};

// What a command was given, by the names of its parameters.
class Given {
 public:
  void add(const std::string& name, const std::string& value) {
    const auto [place, fresh] = values_.try_emplace(name, value);
    if (!fresh) place->second = value;
  }
  bool has(std::string_view name) const { return values_.contains(name); }
  std::string text(std::string_view name) const {  // empty: it was not given
    const auto found = values_.find(name);
    return found == values_.end() ? std::string{} : found->second;
  }

 private:
  std::map<std::string, std::string, std::less<>> values_;
};

struct Command {
  std::string name{};   // one word
  std::string help{};   // one line, begins large, ends without a full stop
  std::string group{};  // under which help shows it; of the first level only
  std::vector<Parameter> parameters{};
  std::string notes{};  // what else is to be known; lines of at most 80 characters
  // Returns the exit code. None: the command is one of `commands`.
  std::function<int(const Given&)> run{};
  std::vector<Command> commands{};
};

}  // namespace starling::server
