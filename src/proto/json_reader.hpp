// JSON in: a whole document is parsed and validated (simdjson's DOM) before any of it is used, so
// nothing invalid hides behind the fields that are read. RFC 8259.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace starling::proto {

inline constexpr std::size_t max_json_depth = 32;  // of objects and arrays in each other

// A value inside of the reader's current document. Valid until the reader's next parse().
class JsonValue {
 public:
  bool is_null() const;
  bool is_object() const;
  std::optional<std::string_view> string() const;  // unescaped; valid until the next parse()
  std::optional<bool> boolean() const;
  // A number without fraction or exponent from 0 to 2^64-1.
  std::optional<std::uint64_t> unsigned_integer() const;
  // This value as compact JSON text.
  std::string text() const;

  // The member of that name (the first, if it is there twice); nothing if absent or not an object.
  std::optional<JsonValue> member(std::string_view name) const;
  // The elements of an array, in order; nothing if it is none.
  std::optional<std::vector<JsonValue>> elements() const;
  // Calls visit(std::string_view key, JsonValue value) for each member of an object, in order.
  template <typename Visit>
  void for_each_member(Visit&& visit) const {
    Cursor cursor = first_member();
    while (cursor.valid) {
      visit(cursor.key, cursor.value());
      next_member(cursor);
    }
  }

 private:
  friend class JsonReader;
  struct Cursor {
    bool valid = false;
    std::string_view key;
    alignas(8) std::byte at[32];
    alignas(8) std::byte end[32];
    JsonValue value() const;
  };
  Cursor first_member() const;
  static void next_member(Cursor& cursor);

  alignas(8) std::byte element_[16];  // simdjson::dom::element, kept out of this header
};

// One per shard; holds the parser and its padded buffer, which are reused.
class JsonReader {
 public:
  // Documents above `max_bytes` are refused, and what is nested above max_json_depth.
  explicit JsonReader(std::size_t max_bytes);
  ~JsonReader();
  JsonReader(JsonReader&&) noexcept;
  JsonReader& operator=(JsonReader&&) noexcept;

  // Nothing if the text is not one valid JSON document. Invalidates all earlier values.
  std::optional<JsonValue> parse(std::string_view text);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace starling::proto
