// The table of all settings.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "starling/config.hpp"

namespace starling::server {

// Where a key's value goes, and thereby its type.
using Target = std::variant<bool*, std::uint16_t*, unsigned*, std::size_t*, std::string*, AuthMode*,
                            std::vector<std::string>*>;

struct Key {
  std::string name;  // "section.key"
  Target target;
  std::uint64_t low = 0;  // of numbers, inclusive
  std::uint64_t high = 0;
  std::vector<std::string> choices{};  // of text, where only these are allowed
};

// All keys, bound to the members of `config`.
std::vector<Key> keys_of(Config& config);

}  // namespace starling::server
