// The table of all settings: from it come what is accepted, what is said about what is not,
// `starling config`, docs/configuration.md and starling.toml(5). A new setting is a member of
// Config and an entry here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "starling/config.hpp"

namespace starling::server {

// Where a key's value goes, and thereby its type.
using Target = std::variant<bool*, std::uint16_t*, unsigned*, std::size_t*, std::string*, AuthMode*,
                            std::vector<std::string>*>;

// When a change in the file takes effect.
enum class Takes : std::uint8_t {
  restart,
  reload,
};

enum class Shown : std::uint8_t {
  always,
  without_password,  // a URL
  never,
};

struct Key {
  std::string name;  // "section.key"; a number's unit is the end of its name
  Target target;
  Takes takes = Takes::restart;
  std::string help;       // one line; begins small and ends without a full stop
  std::uint64_t low = 0;  // of numbers, inclusive
  std::uint64_t high = 0;
  std::vector<std::string> choices{};  // of text, where only these are allowed
  Shown shown = Shown::always;

  std::string section() const { return name.substr(0, name.find('.')); }
  std::string leaf() const { return name.substr(name.find('.') + 1); }
  bool is_number() const { return high > 0; }
  // May come from a file (NAME_file) or a credential of the service manager.
  bool is_secret() const { return shown != Shown::always; }
};

// All keys, bound to the members of `config`, in the order in which they are shown.
std::vector<Key> keys_of(Config& config);

// What a section is about, in one line.
std::string_view about_section(std::string_view section);

}  // namespace starling::server
