// The small grammar that headers share (RFC 9110, section 5.6).
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace starling::proto {

inline bool is_token_char(char c) {  // section 5.6.2
  constexpr std::string_view marks = "!#$%&'*+-.^_`|~";
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         marks.find(c) != std::string_view::npos;
}

// What may stand in a value (section 5.5): visible characters, blanks, bytes above ASCII.
inline bool is_field_char(char c) {
  return c == '\t' || (c != 0x7f && (static_cast<unsigned char>(c) >= ' '));
}

// -1: not a digit of a hexadecimal number.
inline int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Of ASCII letters; other bytes as they are.
inline char lower(char c) { return static_cast<char>(c + (c >= 'A' && c <= 'Z' ? 'a' - 'A' : 0)); }

// ASCII letters alike, whatever their case.
inline bool equal_ignoring_case(std::string_view one, std::string_view other) {
  return std::ranges::equal(one, other, [](char a, char b) { return lower(a) == lower(b); });
}

// Without spaces and tabs at both ends.
inline std::string_view trim(std::string_view text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!text.empty() && blank(text.front())) text.remove_prefix(1);
  while (!text.empty() && blank(text.back())) text.remove_suffix(1);
  return text;
}

// Whether an element of a comma-separated list fulfils a condition.
template <typename Matches>
bool any_in_list(std::string_view list, Matches&& matches) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    if (matches(trim(list.substr(0, comma)))) return true;
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
  return false;
}

// Whether a comma-separated list has that element, whatever its case.
inline bool list_has_token(std::string_view list, std::string_view token) {
  return any_in_list(
      list, [token](std::string_view element) { return equal_ignoring_case(element, token); });
}

}  // namespace starling::proto
