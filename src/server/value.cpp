#include "server/value.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>
#include <utility>

namespace starling::server {
namespace {

// Puts a value into its target; what is wrong with it comes back.
class Putter {
 public:
  Putter(const Key& key, const Value& value) : key_(key), value_(value) {}

  std::string operator()(bool* target) const {
    if (!value_.truth) return "must be true or false";
    *target = *value_.truth;
    return {};
  }
  template <typename Number>
  std::string operator()(Number* target) const {
    if (!value_.number) return "must be an integer from " + range_of(key_);
    if (*value_.number < key_.low || *value_.number > key_.high) {
      return "must be from " + range_of(key_);
    }
    *target = static_cast<Number>(*value_.number);
    return {};
  }
  std::string operator()(std::string* target) const {
    if (!value_.text) return "must be text";
    const std::vector<std::string>& choices = key_.choices;
    if (!choices.empty() && std::ranges::find(choices, *value_.text) == choices.end()) {
      return must_be_one_of();
    }
    *target = *value_.text;
    return {};
  }
  std::string operator()(AuthMode* target) const {
    if (value_.text == "token") {
      *target = AuthMode::token;
    } else if (value_.text == "open") {
      *target = AuthMode::open;
    } else {
      return must_be_one_of();
    }
    return {};
  }
  std::string operator()(std::vector<std::string>* target) const {
    if (!value_.list) return "must be a list of text";
    *target = *value_.list;
    return {};
  }

 private:
  std::string must_be_one_of() const {
    std::string listed;
    for (const std::string& choice : key_.choices) listed += (listed.empty() ? "" : ", ") + choice;
    return "must be one of " + listed;
  }

  const Key& key_;
  const Value& value_;
};

struct Printer {
  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  template <typename Number>
  std::string operator()(const Number* value) const {
    return std::to_string(*value);
  }
  std::string operator()(const std::string* value) const { return quoted(*value); }
  std::string operator()(const AuthMode* value) const {
    return *value == AuthMode::token ? R"("token")" : R"("open")";
  }
  std::string operator()(const std::vector<std::string>* value) const {
    std::string list = "[";
    for (const std::string& element : *value) {
      if (list.size() > 1) list += ", ";
      list += quoted(element);
    }
    return list + "]";
  }
};

// scheme://user:password@host becomes scheme://user:(hidden)@host; what looks otherwise stays.
std::string without_password(std::string url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string::npos) return url;
  const std::size_t user = scheme + 3;
  // A password may hold an @ that nobody escaped: the last one before the path ends it.
  const std::size_t at = url.rfind('@', url.find_first_of("/?#", user));
  const std::size_t colon = url.find(':', user);
  if (at == std::string::npos || at < user || colon >= at) return url;
  return url.replace(colon + 1, at - colon - 1, "(hidden)");
}

}  // namespace

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

Value value_of_text(std::string_view text) {
  Value value;
  value.text = std::string{text};
  value.number = parse_number(text);
  if (text == "true" || text == "1") value.truth = true;
  if (text == "false" || text == "0") value.truth = false;
  std::vector<std::string> list;
  std::stringstream parts{std::string{text}};
  for (std::string part; std::getline(parts, part, ',');) list.push_back(part);
  value.list = std::move(list);
  return value;
}

std::string put(const Key& key, const Value& value) {
  return std::visit(Putter{key, value}, key.target);
}

std::string toml_of(const Key& key) { return std::visit(Printer{}, key.target); }

std::string shown_value(const Key& key) {
  const auto* const* text = std::get_if<std::string*>(&key.target);
  if (!text || (*text)->empty() || key.shown == Shown::always) return toml_of(key);
  return quoted(key.shown == Shown::never ? "(hidden)" : without_password(**text));
}

std::string range_of(const Key& key) {
  if (key.is_number()) return std::to_string(key.low) + " to " + std::to_string(key.high);
  std::string choices;
  for (const std::string& choice : key.choices) choices += (choices.empty() ? "" : " or ") + choice;
  if (!choices.empty()) return choices;
  if (std::holds_alternative<bool*>(key.target)) return "true or false";
  return std::holds_alternative<std::string*>(key.target) ? "text" : "list of text";
}

std::string unit_of(const Key& key) {
  if (!key.is_number()) return {};
  constexpr std::array<std::pair<std::string_view, std::string_view>, 8> units{{
      {"bytes_per_second", "bytes per second"},
      {"_per_second", "per second"},
      {"_per_minute", "per minute"},
      {"_per_hour", "per hour"},
      {"_bytes", "bytes"},
      {"_days", "days"},
      {"_ms", "ms"},
      {"_s", "s"},
  }};
  for (const auto& [ending, unit] : units) {
    if (key.name.ends_with(ending)) return std::string{unit};
  }
  return {};
}

std::string quoted(std::string_view text) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\u00";
      out += digits[byte >> 4];
      out += digits[byte & 0xf];
    } else {
      out += c;
    }
  }
  return out + '"';
}

}  // namespace starling::server
