#include "server/settings.hpp"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <fstream>
#include <iterator>
#include <map>
#include <utility>

#include "api/identity.hpp"
#include "base/ip_address.hpp"
#include "bus/amqp.hpp"
#include "server/keys.hpp"
#include "server/original_broker.hpp"
#include "server/value.hpp"
#include "store/mysql_address.hpp"

namespace starling::server {
namespace {

constexpr std::string_view own_prefix = "STARLING_";
using api::min_secret_bytes;
constexpr std::string_view file_ending = "_file";

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

std::string variable_of(std::string key) {
  std::ranges::transform(key, key.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  const std::size_t dot = key.find('.');
  return std::string{own_prefix} + key.substr(0, dot) + "__" + key.substr(dot + 1);
}

}  // namespace

std::string to_string(const Problem& problem) {
  std::string text = problem.at.where + ": error: " + problem.what;
  if (!problem.at.source_line.empty()) text += "\n    " + problem.at.source_line;
  return text;
}

std::string closest(std::string_view word, const std::vector<std::string>& known) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 4) + 1;
  for (const std::string& candidate : known) {
    // As many changes at least as one has more characters.
    const auto [shorter, longer] = std::minmax({word.size(), candidate.size()});
    if (longer - shorter >= best_distance) continue;
    const std::size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::string unknown(std::string_view kind, std::string_view word,
                    const std::vector<std::string>& known) {
  std::string text = "unknown ";
  text.append(kind).append(" '").append(word).append("'");
  const std::string near = closest(word, known);
  if (!near.empty()) text += ", did you mean '" + near + "'?";
  return text;
}

std::vector<std::string> names_of(const std::vector<Key>& keys) {
  std::vector<std::string> names;
  for (const Key& key : keys) {
    names.push_back(key.name);
    if (key.is_secret()) names.push_back(key.name + std::string{file_ending});
  }
  return names;
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

bool is_loopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
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
  problems_.push_back({{std::move(where)}, std::move(what)});
}

// What a key holds does not go with what others hold. It is told where the value stands; of a
// default there is only the key's name.
void Settings::breaks_rule(const std::string& key, const std::string& what) {
  const auto found = origins_.find(key);
  if (found == origins_.end()) {
    problem(key, what);
  } else {
    problems_.push_back({found->second, "'" + key + "' " + what});
  }
}

std::string Settings::origin(const std::string& key) const {
  const auto found = origins_.find(key);
  return found == origins_.end() ? "default" : found->second.where;
}

std::string Settings::set(const std::vector<Key>& keys, const std::string& name, const Value& value,
                          const Origin& origin) {
  const auto key = std::ranges::find(keys, name, &Key::name);
  if (key == keys.end()) {
    if (!value.text) return "must be text: the path of a file";
    const std::string owner = name.substr(0, name.size() - file_ending.size());
    return set_from_file(*std::ranges::find(keys, owner, &Key::name), *value.text, origin);
  }
  std::string wrong = put(*key, value);
  if (wrong.empty()) origins_[name] = origin;
  return wrong;
}

// Editors end a file with a line feed that is no part of the secret.
std::string Settings::set_from_file(const Key& key, const std::string& path, const Origin& origin) {
  std::ifstream file{path, std::ios::binary};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  if (!file) return "cannot be read: " + path;
  while (text.ends_with('\n') || text.ends_with('\r')) text.pop_back();
  Value value;
  value.text = std::move(text);
  std::string wrong = put(key, value);
  if (wrong.empty()) origins_[key.name] = origin;
  return wrong;
}

void Settings::apply_credentials(const std::string& folder) {
  for (const Key& key : keys_of(config_)) {
    const std::string path = folder + "/" + key.name;
    if (!key.is_secret() || ::access(path.c_str(), F_OK) != 0) continue;
    const std::string wrong = set_from_file(key, path, {path});
    if (!wrong.empty()) problem(path, wrong);
  }
}

void Settings::apply(std::string_view key, std::string_view value, const std::string& where) {
  const std::vector<Key> keys = keys_of(config_);
  const std::vector<std::string> known = names_of(keys);
  const std::string wrong = std::ranges::find(known, key) == known.end()
                                ? unknown("key", key, known)
                                : set(keys, std::string{key}, value_of_text(value), {where});
  if (!wrong.empty()) problem(where, wrong);
}

void Settings::apply_environment(const std::vector<std::string>& variables) {
  apply_original_names(variables);
  std::map<std::string, std::string> key_of_variable;
  for (const std::string& name : names_of(keys_of(config_))) {
    key_of_variable[variable_of(name)] = name;
  }
  std::vector<std::string> known;
  known.reserve(key_of_variable.size());
  for (const auto& entry : key_of_variable) known.push_back(entry.first);
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    const std::string name = variable.substr(0, equals);
    if (equals == std::string::npos || !name.starts_with(own_prefix) ||
        name.find("__") == std::string::npos) {
      continue;
    }
    if (const auto key = key_of_variable.find(name); key != key_of_variable.end()) {
      apply(key->second, variable.substr(equals + 1), name);
    } else {
      problem(name, unknown("setting", name, known));
    }
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
    if (name == "DATABASE_URL") apply("store.url", value, name);
  }
  const OriginalBroker broker = original_broker(variables);
  if (!broker.url.empty()) apply("bus.url", broker.url, broker.named_by);
}

void Settings::check_bus() {
  const Config& c = config_;
  if (c.bus.url.empty()) return;
  if (const auto address = bus::parse_amqp_url(c.bus.url); !address) {
    breaks_rule("bus.url", address.error().message);
  } else if (!address->tls && !c.bus.tls_ca.empty()) {
    breaks_rule("bus.tls_ca", "means nothing without amqps:// in bus.url");
  }
  if (!c.store.url.starts_with("mysql:")) {
    breaks_rule("bus.url", "needs an archive that all servers share: store.url = \"mysql://...\"");
  }
  if (c.bus.secret.empty() && c.auth.secret.empty()) {
    breaks_rule("auth.secret",
                "is missing: servers that share a bus share a secret (or bus.secret)");
  }
  if (!c.bus.secret.empty() && c.bus.secret.size() < min_secret_bytes) {
    breaks_rule("bus.secret", "must have at least 16 bytes");
  }
}

void Settings::check_store() {
  const std::string& url = config_.store.url;
  if (url.empty()) return;
  if (url.starts_with("mysql:")) {
    if (const auto address = store::parse_mysql_url(url); !address) {
      breaks_rule("store.url", address.error().message);
    }
  } else if (!url.starts_with("sqlite:")) {
    breaks_rule("store.url", "must be sqlite:PATH or mysql://user:password@host:port/database");
  } else if (url == "sqlite:") {
    breaks_rule("store.url", "names no file");
  }
}

void Settings::check_addresses() {
  const Config& c = config_;
  for (const auto& [key, host] :
       {std::pair{"server.host", &c.server.host}, {"admin.host", &c.admin.host}}) {
    if (*host == "localhost" || base::IpAddress::parse(*host)) continue;
    breaks_rule(key, "must be an IPv4 or IPv6 address, or localhost");
  }
  for (const std::string& origin : c.http.allowed_origins) {
    if (origin == "null") continue;  // of a page in a file
    const std::size_t scheme = origin.find("://");
    if (scheme != std::string::npos && scheme > 0 && scheme + 3 < origin.size() &&
        origin.find('/', scheme + 3) == std::string::npos) {
      continue;
    }
    breaks_rule("http.allowed_origins", "holds '" + origin +
                                            "', which no browser sends: an origin is like "
                                            "https://chat.example.org, without a path");
  }
  for (const std::string& proxy : c.http.trusted_proxies) {
    if (base::IpNetwork::parse(proxy)) continue;
    breaks_rule("http.trusted_proxies",
                "holds '" + proxy + "', which is neither an address nor a network like 10.0.0.0/8");
  }
  if (c.http.proxy_protocol && c.http.trusted_proxies.empty()) {
    breaks_rule("http.proxy_protocol",
                "needs http.trusted_proxies: nobody else's header is believed");
  }
}

void Settings::check_auth() {
  const Config& c = config_;
  if (c.auth.mode == AuthMode::open && !is_loopback(c.server.host) &&
      !c.auth.open_beyond_loopback) {
    breaks_rule("auth.mode",
                "open believes every client's id: it is refused beyond loopback (server.host = " +
                    c.server.host + ") unless auth.open_beyond_loopback = true");
  }
  if (!c.auth.secret.empty() && c.auth.secret.size() < min_secret_bytes) {
    breaks_rule("auth.secret", "must have at least 16 bytes");
  }
  if (!c.auth.secret.empty() && !c.auth.public_key_file.empty()) {
    breaks_rule("auth.public_key_file", "cannot stand beside auth.secret: one algorithm, one key");
  }
  constexpr std::size_t min_code_bytes = 8;
  if (c.auth.registration == "invite" && c.auth.invite_code.size() < min_code_bytes) {
    breaks_rule("auth.invite_code", "must have at least 8 bytes where auth.registration = invite");
  }
}

void Settings::check_limits() {
  const Config& c = config_;
  constexpr std::size_t least_memory = std::size_t{64} << 20;
  if (c.limits.memory_bytes != 0 && c.limits.memory_bytes < least_memory) {
    breaks_rule("limits.memory_bytes", "must be 0 or at least 67108864");
  }
  // A content of control characters takes six bytes for each in JSON.
  const std::size_t largest = c.limits.message_bytes * 6 + c.limits.metadata_bytes + 1'024;
  constexpr const char* sum =
      "must be at least 6 × limits.message_bytes + limits.metadata_bytes + 1024, so that every "
      "message fits";
  if (c.limits.frame_bytes < largest) breaks_rule("limits.frame_bytes", sum);
  if (c.http.max_body_bytes < largest) breaks_rule("http.max_body_bytes", sum);
}

void Settings::check() {
  config_.admin.chosen = origins_.contains("admin.port");
  check_bus();
  check_store();
  check_addresses();
  check_auth();
  check_limits();
  std::ranges::stable_sort(problems_, [](const Problem& one, const Problem& other) {
    return std::pair{one.at.line, one.at.column} < std::pair{other.at.line, other.at.column};
  });
}

}  // namespace starling::server
