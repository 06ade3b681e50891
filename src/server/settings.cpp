#include "server/settings.hpp"

#include <toml++/toml.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "bus/amqp.hpp"
#include "server/keys.hpp"
#include "server/original_broker.hpp"

namespace starling::server {
namespace {

constexpr std::string_view own_prefix = "STARLING_";
constexpr std::size_t min_secret_bytes = 16;
constexpr std::string_view no_mysql =
    "this version keeps its archive in SQLite only: use sqlite:PATH, or leave it out";

std::size_t edit_distance(std::string_view one, std::string_view other) {
  std::vector<std::size_t> row(other.size() + 1);
  for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= one.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i);
    for (std::size_t j = 1; j <= other.size(); ++j) {
      const std::size_t change = diagonal + (one[i - 1] == other[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
    }
  }
  return row.back();
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

// A value from any source; a list only comes from a file.
struct Value {
  std::optional<std::string> text;
  std::optional<std::uint64_t> number;
  std::optional<bool> truth;
  std::optional<std::vector<std::string>> list;
};

// From flags and the environment everything is text: it is read as what the key wants.
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

Value value_of_node(const toml::node& node) {
  Value value;
  if (const auto* text = node.as_string()) value.text = text->get();
  if (const auto* truth = node.as_boolean()) value.truth = truth->get();
  if (const auto* number = node.as_integer(); number && number->get() >= 0) {
    value.number = static_cast<std::uint64_t>(number->get());
  }
  if (const auto* array = node.as_array()) {
    std::vector<std::string> list;
    for (const toml::node& element : *array) {
      const auto* text = element.as_string();
      if (!text) return value;
      list.push_back(text->get());
    }
    value.list = std::move(list);
  }
  return value;
}

// Puts a value where the key says; what is wrong with it comes back, empty if nothing.
class Store {
 public:
  Store(const Key& key, const Value& value) : key_(key), value_(value) {}

  std::string operator()(bool* target) const {
    if (!value_.truth) return "must be true or false";
    *target = *value_.truth;
    return {};
  }
  template <typename Number>
  std::string operator()(Number* target) const {
    if (!value_.number) return "must be an integer from " + range();
    if (*value_.number < key_.low || *value_.number > key_.high) {
      return "must be from " + range();
    }
    *target = static_cast<Number>(*value_.number);
    return {};
  }
  std::string operator()(std::string* target) const {
    if (!value_.text) return "must be text";
    const auto& choices = key_.choices;
    if (!choices.empty() && std::ranges::find(choices, *value_.text) == choices.end()) {
      std::string listed;
      for (const std::string& choice : choices) listed += (listed.empty() ? "" : ", ") + choice;
      return "must be one of " + listed;
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
      return "must be one of token, open";
    }
    return {};
  }
  std::string operator()(std::vector<std::string>* target) const {
    if (!value_.list) return "must be a list of text";
    *target = *value_.list;
    return {};
  }

 private:
  std::string range() const {
    return std::to_string(key_.low) + " to " + std::to_string(key_.high);
  }

  const Key& key_;
  const Value& value_;
};

std::vector<std::string> names_of(const std::vector<Key>& keys) {
  std::vector<std::string> names;
  names.reserve(keys.size());
  for (const Key& key : keys) names.push_back(key.name);
  return names;
}

std::string unknown_key(std::string_view name, const std::vector<Key>& keys) {
  std::string text = "unknown key '" + std::string{name} + "'";
  if (const std::string near = closest(name, names_of(keys)); !near.empty()) {
    text += ", did you mean '" + near + "'?";
  }
  return text;
}

std::string variable_of(std::string key) {
  std::ranges::transform(key, key.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const std::size_t dot = key.find('.');
  return std::string{own_prefix} + key.substr(0, dot) + "__" + key.substr(dot + 1);
}

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// A file as its lines, and the problems found in it.
struct FileReader {
  std::string path;
  std::vector<std::string> lines;
  const std::vector<Key>& keys;
  std::vector<Problem>& problems;

  void problem(const toml::source_position& at, std::string what) {
    const std::string where =
        path + ":" + std::to_string(at.line) + ":" + std::to_string(at.column);
    const std::string source = at.line > 0 && at.line <= lines.size() ? lines[at.line - 1] : "";
    problems.push_back({where, std::move(what), source, static_cast<unsigned>(at.line),
                        static_cast<unsigned>(at.column)});
  }

  void read_section(std::string_view section, const toml::table& table) {
    for (const auto& [key, node] : table) {
      const std::string name = std::string{section} + "." + std::string{key.str()};
      const auto known = std::ranges::find(keys, name, &Key::name);
      if (known == keys.end()) {
        problem(key.source().begin, unknown_key(name, keys));
        continue;
      }
      const Value value = value_of_node(node);
      const std::string wrong = std::visit(Store{*known, value}, known->target);
      if (wrong.empty()) continue;
      std::string what{"'"};
      problem(node.source().begin, what.append(name).append("' ").append(wrong));
    }
  }

  void read(const toml::table& root) {
    for (const auto& [section, node] : root) {
      const std::string prefix = std::string{section.str()} + ".";
      const bool known =
          std::ranges::any_of(keys, [&](const Key& key) { return key.name.starts_with(prefix); });
      const toml::table* table = node.as_table();
      if (!known) {
        std::vector<std::string> sections;
        for (const Key& key : keys) sections.push_back(key.name.substr(0, key.name.find('.')));
        const std::string near = closest(section.str(), sections);
        problem(section.source().begin, "unknown section '" + std::string{section.str()} + "'" +
                                            (near.empty() ? "" : ", did you mean '" + near + "'?"));
      } else if (!table) {
        problem(node.source().begin, "'" + std::string{section.str()} + "' must be a section");
      } else {
        read_section(section.str(), *table);
      }
    }
  }
};

}  // namespace

std::string to_string(const Problem& problem) {
  std::string text = problem.where + ": error: " + problem.what;
  if (!problem.source_line.empty()) text += "\n    " + problem.source_line;
  return text;
}

std::string closest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 4) + 1;
  for (const std::string& candidate : known) {
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::optional<std::pair<std::string, std::uint16_t>> parse_host_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || colon == 0) return std::nullopt;
  std::string_view host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const std::optional<std::uint64_t> port = parse_number(text.substr(colon + 1));
  if (host.empty() || !port || *port > 65'535) return std::nullopt;
  return std::pair{std::string{host}, static_cast<std::uint16_t>(*port)};
}

std::string sqlite_path(const Config& config) {
  std::string_view url = config.store.url;
  if (url.empty()) return config.server.data_dir + "/starling.db";
  constexpr std::string_view scheme = "sqlite:";
  if (url.starts_with(scheme)) url.remove_prefix(scheme.size());
  if (url.starts_with("///")) url.remove_prefix(2);  // the form sqlite:///PATH
  return std::string{url};
}

void Settings::problem(std::string where, std::string what) {
  problems_.push_back({std::move(where), std::move(what), {}, 0, 0});
}

void Settings::apply_file(const std::string& path) {
  std::ifstream file{path, std::ios::binary};
  const std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file) {
    problem(path, "the file cannot be read");
    return;
  }
  std::vector<std::string> lines;
  std::stringstream again{text};
  for (std::string line; std::getline(again, line);) lines.push_back(line);
  const std::vector<Key> keys = keys_of(config_);
  FileReader reader{path, std::move(lines), keys, problems_};
  try {  // the library's way of reporting a syntax error; it ends here
    const toml::table root = toml::parse(text, path);
    reader.read(root);
    if (const auto* admin = root["admin"].as_table(); admin && admin->contains("port")) {
      config_.admin.chosen = true;
    }
  } catch (const toml::parse_error& error) {
    reader.problem(error.source().begin, std::string{error.description()});
  }
}

void Settings::apply(std::string_view key, std::string_view value, const std::string& where) {
  const std::vector<Key> keys = keys_of(config_);
  const auto known = std::ranges::find(keys, key, &Key::name);
  if (known == keys.end()) {
    problem(where, unknown_key(key, keys));
    return;
  }
  const Value typed = value_of_text(value);
  const std::string wrong = std::visit(Store{*known, typed}, known->target);
  if (!wrong.empty()) {
    problem(where, wrong);
  } else if (key == "admin.port") {
    config_.admin.chosen = true;
  }
}

void Settings::apply_environment(const std::vector<std::string>& variables) {
  apply_original_names(variables);
  const std::vector<Key> keys = keys_of(config_);
  std::map<std::string, std::string> key_of_variable;
  for (const Key& key : keys) key_of_variable[variable_of(key.name)] = key.name;
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    const std::string name = variable.substr(0, equals);
    if (equals == std::string::npos || !name.starts_with(own_prefix) ||
        name.find("__") == std::string::npos) {
      continue;
    }
    const auto known = key_of_variable.find(name);
    if (known != key_of_variable.end()) {
      apply(known->second, variable.substr(equals + 1), name);
      continue;
    }
    std::vector<std::string> names;
    names.reserve(key_of_variable.size());
    for (const auto& entry : key_of_variable) names.push_back(entry.first);
    const std::string near = closest(name, names);
    problem(name, "unknown setting" + (near.empty() ? "" : ", did you mean '" + near + "'?"));
  }
}

// The names of the PHP original. APP_ENV distinguishes nothing here and is let pass.
void Settings::apply_original_names(const std::vector<std::string>& variables) {
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = variable.substr(0, equals);
    const std::string value = variable.substr(equals + 1);
    if (name == "WEBSOCKET_HOST") apply("server.host", value, name);
    if (name == "WEBSOCKET_PORT") apply("server.port", value, name);
    if (name == "APP_SECRET") apply("auth.secret", value, name);
    if (name == "DATABASE_URL") {
      if (value.starts_with("sqlite:")) {
        apply("store.url", value, name);
      } else {
        problem(name, std::string{no_mysql});
      }
    }
  }
  const OriginalBroker broker = original_broker(variables);
  if (!broker.url.empty()) apply("bus.url", broker.url, broker.named_by);
}

void Settings::check_bus() {
  const Config& c = config_;
  if (c.bus.url.empty()) return;
  if (const auto address = bus::parse_amqp_url(c.bus.url); !address) {
    problem("bus.url", address.error().message);
  }
  if (!c.store.url.starts_with("mysql:")) {
    problem("bus.url", "needs an archive that all servers share: store.url = \"mysql://...\"");
  }
  if (c.bus.secret.empty() && c.auth.secret.empty()) {
    problem("auth.secret", "is missing: servers that share a bus share a secret (or bus.secret)");
  }
  if (!c.bus.secret.empty() && c.bus.secret.size() < min_secret_bytes) {
    problem("bus.secret", "must have at least 16 bytes");
  }
}

void Settings::check() {
  const Config& c = config_;
  check_bus();
  if (!c.store.url.empty() && !c.store.url.starts_with("sqlite:")) {
    problem("store.url", std::string{no_mysql});
  } else if (c.store.url == "sqlite:") {
    problem("store.url", "names no file");
  }
  if (c.auth.mode == AuthMode::open && !is_loopback(c.server.host) &&
      !c.auth.open_beyond_loopback) {
    problem("auth.mode",
            "open believes every client's id: it is refused beyond loopback (server.host = " +
                c.server.host + ") unless auth.open_beyond_loopback = true");
  }
  if (!c.auth.secret.empty() && c.auth.secret.size() < min_secret_bytes) {
    problem("auth.secret", "must have at least 16 bytes");
  }
  if (!c.auth.secret.empty() && !c.auth.public_key_file.empty()) {
    problem("auth.public_key_file", "cannot stand beside auth.secret: one algorithm, one key");
  }
  constexpr std::size_t min_code_bytes = 8;
  if (c.auth.registration == "invite" && c.auth.invite_code.size() < min_code_bytes) {
    problem("auth.invite_code", "must have at least 8 bytes where auth.registration = invite");
  }
  // A content of control characters takes six bytes for each in JSON.
  const std::size_t largest = c.limits.message_bytes * 6 + c.limits.metadata_bytes + 1'024;
  constexpr const char* sum =
      "must be at least 6 × limits.message_bytes + limits.metadata_bytes + 1024, so that every "
      "message fits";
  if (c.limits.frame_bytes < largest) problem("limits.frame_bytes", sum);
  if (c.http.max_body_bytes < largest) problem("http.max_body_bytes", sum);
  std::ranges::stable_sort(problems_, [](const Problem& one, const Problem& other) {
    return std::pair{one.line, one.column} < std::pair{other.line, other.column};
  });
}

}  // namespace starling::server
