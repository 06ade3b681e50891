// Settings: from a file, the environment and the command line into a Config.
//
// Every key stands once, in a table (settings.cpp) with its section, type, range and meaning. All
// problems of all sources are collected, so that one run shows them all.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "starling/config.hpp"

namespace starling::server {

// A flag, an environment variable or a line of a file that cannot be taken as it stands.
struct Problem {
  std::string where;  // "starling.toml:3:10", "STARLING_SERVER__PORT", "--port"
  std::string what;
  std::string source_line;  // of a file; else empty
  unsigned line = 0;
  unsigned column = 0;
};

// "where: error: what", and below it the line of the file.
std::string to_string(const Problem& problem);

// Takes settings from one source after the other; the one applied last wins.
class Settings {
 public:
  // A TOML file. A file that cannot be read is a problem.
  void apply_file(const std::string& path);
  // NAME=VALUE pairs: the original's names first, then STARLING_SECTION__KEY.
  void apply_environment(const std::vector<std::string>& variables);
  // One setting by its dotted key, from the command line. `where` names the flag.
  void apply(std::string_view key, std::string_view value, const std::string& where);

  // What only shows when all sources are known: rules between settings. Call once, last.
  void check();

  const Config& config() const { return config_; }
  // Sorted by place.
  const std::vector<Problem>& problems() const { return problems_; }

 private:
  void problem(std::string where, std::string what);
  void apply_original_names(const std::vector<std::string>& variables);
  void check_bus();

  Config config_;
  std::vector<Problem> problems_;
};

// The one of `known` that is closest to a misspelt word; empty where none is close.
std::string closest(std::string_view word, const std::vector<std::string>& known);

// "host:port" or "[v6]:port".
std::optional<std::pair<std::string, std::uint16_t>> parse_host_port(std::string_view text);

// The file behind store.url; empty: the one in the data folder.
std::string sqlite_path(const Config& config);

}  // namespace starling::server
