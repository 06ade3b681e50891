// What the server was told to do, by all its sources, and what is wrong with it.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "starling/config.hpp"

namespace starling::server {

struct Key;
struct Value;

// Where a value comes from.
struct Origin {
  std::string where;          // "starling.toml:3:10", "STARLING_SERVER__PORT", "--port"
  std::string source_line{};  // of a file; else empty
  unsigned line = 0;
  unsigned column = 0;
};

// A flag, an environment variable or a line of a file that cannot be taken as it stands.
struct Problem {
  Origin at;
  std::string what;
};

// "where: error: what", and below it the line of the file.
std::string to_string(const Problem& problem);

// Takes settings from one source after the other; the one applied last wins.
class Settings {
 public:
  Settings() = default;
  // To check() what did not come from sources.
  explicit Settings(Config config) : config_(std::move(config)) {}

  // A TOML file. A file that cannot be read is a problem.
  void apply_file(const std::string& path);
  // Secrets in files of `folder` that are named like their keys (systemd.exec(5), LoadCredential=);
  // keys without one are left alone.
  void apply_credentials(const std::string& folder);
  // NAME=VALUE pairs: the original's names first, then STARLING_SECTION__KEY.
  void apply_environment(const std::vector<std::string>& variables);
  // One setting by its dotted key, from the command line. `where` names the flag.
  void apply(std::string_view key, std::string_view value, const std::string& where);

  // What only shows when all sources are known: rules between settings. Call once, last.
  void check();

  const Config& config() const { return config_; }
  // Sorted by place.
  const std::vector<Problem>& problems() const { return problems_; }
  // Where a key's value comes from: "starling.toml:3:8", a variable, a flag, or "default".
  std::string origin(const std::string& key) const;

 private:
  friend struct FileReader;

  void problem(std::string where, std::string what);
  void breaks_rule(const std::string& key, const std::string& what);
  void apply_original_names(const std::vector<std::string>& variables);
  void check_bus();
  void check_store();
  void check_addresses();
  void check_auth();
  void check_limits();
  // `name` is a key or, for a secret, the key with _file behind it. What is wrong comes back.
  std::string set(const std::vector<Key>& keys, const std::string& name, const Value& value,
                  const Origin& origin);
  std::string set_from_file(const Key& key, const std::string& path, const Origin& origin);

  Config config_;
  std::map<std::string, Origin> origins_;
  std::vector<Problem> problems_;
};

// The one of `known` that is closest to a misspelt word; empty where none is close.
std::string closest(std::string_view word, const std::vector<std::string>& known);

// "unknown KIND 'WORD'", and what was probably meant.
std::string unknown(std::string_view kind, std::string_view word,
                    const std::vector<std::string>& known);

// The keys, and for secrets what names a file of theirs.
std::vector<std::string> names_of(const std::vector<Key>& keys);

// "host:port" or "[v6]:port".
std::optional<std::pair<std::string, std::uint16_t>> parse_host_port(std::string_view text);

// Whether only this host reaches what listens on `host`.
bool is_loopback(const std::string& host);

// The file behind store.url; empty: the one in the data folder.
std::string sqlite_path(const Config& config);

}  // namespace starling::server
