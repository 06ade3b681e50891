// Fields of JSON objects in both spellings that clients use: camelCase and snake_case.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/json_reader.hpp"

namespace starling::api {

// A field by its camelCase name, or else by its snake_case one; null counts as absent.
inline std::optional<proto::JsonValue> field(const proto::JsonValue& object, std::string_view camel,
                                             std::string_view snake = {}) {
  std::optional<proto::JsonValue> found = object.member(camel);
  if (!found && !snake.empty()) found = object.member(snake);
  if (found && found->is_null()) found.reset();
  return found;
}

// A natural number, or its decimal text (older clients send ids as strings).
inline std::optional<std::uint64_t> natural(const proto::JsonValue& value) {
  if (const std::optional<std::uint64_t> number = value.unsigned_integer()) return number;
  const std::optional<std::string_view> text = value.string();
  if (!text || text->empty()) return std::nullopt;
  std::uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  if (parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

}  // namespace starling::api
