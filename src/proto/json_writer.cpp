#include "proto/json_writer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/time.hpp"

namespace starling::proto {
namespace {

constexpr std::uint64_t repeated(std::uint8_t byte) { return 0x0101010101010101u * byte; }

// Whether one of eight bytes is a control character, a quote or a backslash. May say yes to bytes
// from 0x80 on beside such a one, never no to one that must be escaped.
bool needs_escape(std::uint64_t eight) {
  constexpr std::uint64_t high = repeated(0x80);
  const auto has_zero = [](std::uint64_t x) { return (x - repeated(0x01)) & ~x & high; };
  const std::uint64_t control = (eight - repeated(0x20)) & ~eight & high;
  return (control | has_zero(eight ^ repeated('"')) | has_zero(eight ^ repeated('\\'))) != 0;
}

bool must_escape(unsigned char byte) { return byte < 0x20 || byte == '"' || byte == '\\'; }

void append_escaped(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\b':
      out += "\\b";
      return;
    case '\f':
      out += "\\f";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      break;
  }
  constexpr char digits[] = "0123456789abcdef";
  out += "\\u00";
  out += digits[byte >> 4];
  out += digits[byte & 0xf];
}

template <typename Number>
void append_number(std::string& out, Number number) {
  std::array<char, 24> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  out.append(text.data(), end);
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t clean = 0;  // from here to `at` nothing needs an escape
  std::size_t at = 0;
  while (at < text.size()) {
    std::uint64_t eight;
    if (text.size() - at >= sizeof eight) {
      std::memcpy(&eight, text.data() + at, sizeof eight);
      if (!needs_escape(eight)) {
        at += sizeof eight;
        continue;
      }
    }
    const std::size_t stop = std::min(text.size(), at + sizeof eight);
    for (; at < stop; ++at) {
      const auto byte = static_cast<unsigned char>(text[at]);
      if (!must_escape(byte)) continue;
      out.append(text, clean, at - clean);
      append_escaped(out, byte);
      clean = at + 1;
    }
  }
  out.append(text, clean, text.size() - clean);
  out += '"';
}

void JsonWriter::separate() {
  if (comma_) out_ += ',';
  comma_ = true;
}

JsonWriter& JsonWriter::begin_object() {
  separate();
  out_ += '{';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_object() {
  out_ += '}';
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::begin_array() {
  separate();
  out_ += '[';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::end_array() {
  out_ += ']';
  comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  separate();
  append_json_string(out_, name);
  out_ += ':';
  comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::value(std::string_view text) {
  separate();
  append_json_string(out_, text);
  return *this;
}

JsonWriter& JsonWriter::value(bool truth) { return raw(truth ? "true" : "false"); }

JsonWriter& JsonWriter::value(std::uint64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::value(std::int64_t number) {
  separate();
  append_number(out_, number);
  return *this;
}

JsonWriter& JsonWriter::null() { return raw("null"); }

JsonWriter& JsonWriter::raw(std::string_view json) {
  separate();
  out_ += json;
  return *this;
}

JsonWriter& JsonWriter::time(std::int64_t wall_ms) {
  separate();
  out_ += '"';
  base::append_iso8601(out_, wall_ms);
  out_ += '"';
  return *this;
}

}  // namespace starling::proto
