// A setting's value on its way between its sources, the Config and who reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/keys.hpp"

namespace starling::server {

// What a source says, in every type that it can be understood as.
struct Value {
  std::optional<std::string> text;
  std::optional<std::uint64_t> number;
  std::optional<bool> truth;
  std::optional<std::vector<std::string>> list;
};

// From flags and the environment everything is text: it is read as what the key wants; the elements
// of a list are separated by commas.
Value value_of_text(std::string_view text);

// Puts a value where the key says. What is wrong with it comes back, empty if nothing, and then
// nothing was put.
std::string put(const Key& key, const Value& value);

// The key's present value as TOML, and so as JSON; nothing is hidden.
std::string toml_of(const Key& key);
// The same for the eyes of everybody: a secret that is set is "(hidden)", a URL has no password.
std::string shown_value(const Key& key);

// "0 to 65535", "token or open", "true or false", "text", "list of text".
std::string range_of(const Key& key);
// "ms", "bytes per second", ...; empty where a number counts things or the key is none.
std::string unit_of(const Key& key);

// The text of a TOML or JSON string with its quotes.
std::string quoted(std::string_view text);

// A decimal number, and nothing else.
std::optional<std::uint64_t> parse_number(std::string_view text);

}  // namespace starling::server
