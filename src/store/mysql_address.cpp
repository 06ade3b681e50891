#include "store/mysql_address.hpp"

#include <charconv>
#include <optional>

namespace starling::store {
namespace {

constexpr std::string_view scheme = "mysql://";

// RFC 3986, section 2.1; nothing where an escape is broken.
std::optional<std::string> decoded(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      plain.push_back(text[i]);
      continue;
    }
    if (i + 2 >= text.size()) return std::nullopt;
    unsigned byte = 0;
    const char* const begin = text.data() + i + 1;
    const auto parsed = std::from_chars(begin, begin + 2, byte, 16);
    if (parsed.ec != std::errc{} || parsed.ptr != begin + 2 || byte == 0) return std::nullopt;
    plain.push_back(static_cast<char>(byte));
    i += 2;
  }
  return plain;
}

// What stands before `mark`; the rest, without it, stays in `text`. All of it where there is none.
std::string_view take_until(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  const std::string_view before = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
  return before;
}

bool take(std::string_view text, std::string& into) {
  std::optional<std::string> plain = decoded(text);
  if (plain) into = std::move(*plain);
  return plain.has_value();
}

bool take_port(std::string_view text, std::uint16_t& port) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), port);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && port != 0;
}

// host, host:port, [v6] or [v6]:port; empty: as it is.
bool take_place(std::string_view text, MysqlAddress& address) {
  if (text.empty()) return true;
  std::string_view port;
  if (text.front() == '[') {
    const std::size_t end = text.find(']');
    if (end == std::string_view::npos) return false;
    address.host = text.substr(1, end - 1);
    port = text.substr(end + 1);
    if (!port.empty() && port.front() != ':') return false;
    if (!port.empty()) port.remove_prefix(1);
  } else {
    if (!take(take_until(text, ':'), address.host)) return false;
    port = text;
  }
  return !address.host.empty() && (port.empty() || take_port(port, address.port));
}

base::Result<void> take_option(std::string_view option, MysqlAddress& address) {
  const std::string_view name = take_until(option, '=');
  if (name == "serverVersion" || name == "charset") return {};
  if (name == "tls" && (option == "on" || option == "off")) {
    address.tls = option == "on";
    return {};
  }
  if (name == "tls") return base::failure("has a tls that is neither on nor off");
  if (name == "tls_ca" && take(option, address.tls_ca)) return {};
  if ((name == "socket" || name == "unix_socket") && take(option, address.socket)) return {};
  return base::failure("has an option that is none of tls, tls_ca, socket");
}

}  // namespace

base::Result<MysqlAddress> parse_mysql_url(std::string_view url) {
  const auto no_url = [] {
    return base::failure("is no mysql://user:password@host:port/database");
  };
  if (!url.starts_with(scheme)) return no_url();
  url.remove_prefix(scheme.size());
  std::string_view options = url;
  std::string_view rest = take_until(options, '?');
  MysqlAddress address;
  const std::size_t at = rest.substr(0, rest.rfind('/')).rfind('@');
  if (at != std::string_view::npos) {
    std::string_view password = rest.substr(0, at);
    if (!take(take_until(password, ':'), address.user)) return no_url();
    if (!take(password, address.password)) return no_url();
    rest.remove_prefix(at + 1);
  }
  const std::string_view place = take_until(rest, '/');
  if (!take_place(place, address) || !take(rest, address.database) || address.database.empty()) {
    return no_url();
  }
  while (!options.empty()) {
    if (auto done = take_option(take_until(options, '&'), address); !done) {
      return tl::make_unexpected(std::move(done.error()));
    }
  }
  return address;
}

}  // namespace starling::store
