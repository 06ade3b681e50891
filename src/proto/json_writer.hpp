// JSON out: appends to a string, no tree in between.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::proto {

// Appends a JSON string with its quotes. `text` is valid UTF-8.
void append_json_string(std::string& out, std::string_view text);

// Writes one document; commas are put where they belong. Balanced begin and end are the
// caller's duty.
//
//   JsonWriter json(out);
//   json.begin_object().field("type", "pong").field("seq", 7u).end_object();
class JsonWriter {
 public:
  explicit JsonWriter(std::string& out) : out_(out) {}

  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);

  JsonWriter& value(std::string_view text);
  JsonWriter& value(const char* text) { return value(std::string_view{text}); }
  JsonWriter& value(const std::string& text) { return value(std::string_view{text}); }
  JsonWriter& value(bool truth);
  JsonWriter& value(std::uint64_t number);
  JsonWriter& value(std::int64_t number);
  JsonWriter& value(unsigned number) { return value(std::uint64_t{number}); }
  JsonWriter& value(int number) { return value(std::int64_t{number}); }
  JsonWriter& null();
  JsonWriter& raw(std::string_view json);  // valid JSON as it is
  JsonWriter& time(std::int64_t wall_ms);  // ISO 8601 string, see base::append_iso8601

  template <typename Value>
  JsonWriter& field(std::string_view name, const Value& content) {
    return key(name).value(content);
  }

 private:
  void separate();

  std::string& out_;
  bool comma_ = false;  // the next key or element stands behind another one
};

}  // namespace starling::proto
