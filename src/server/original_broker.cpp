#include "server/original_broker.hpp"

#include <cctype>
#include <string_view>

namespace starling::server {
namespace {

// The last one counts; empty where there is none.
std::string value_of(const std::vector<std::string>& variables, std::string_view name) {
  std::string found;
  for (const std::string& variable : variables) {
    const std::size_t equals = variable.find('=');
    if (equals != std::string::npos && std::string_view{variable}.substr(0, equals) == name) {
      found = variable.substr(equals + 1);
    }
  }
  return found;
}

// As a part of an URL (RFC 3986, section 2.1).
std::string percent_encoded(std::string_view text) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || std::string_view{"-._~"}.find(c) != std::string_view::npos) {
      encoded.push_back(c);
    } else {
      encoded.append({'%', digits[byte >> 4], digits[byte & 0xf]});
    }
  }
  return encoded;
}

}  // namespace

OriginalBroker original_broker(const std::vector<std::string>& variables) {
  const std::string host = value_of(variables, "RABBITMQ_HOST");
  if (!host.empty()) {
    const auto part = [&variables](std::string_view name, std::string_view otherwise) {
      const std::string value = value_of(variables, name);
      return percent_encoded(value.empty() ? otherwise : value);
    };
    return {"amqp://" + part("RABBITMQ_USER", "guest") + ":" + part("RABBITMQ_PASSWORD", "guest") +
                "@" + host + ":" + part("RABBITMQ_PORT", "5672") + "/" +
                part("RABBITMQ_VHOST", "/"),
            "RABBITMQ_HOST"};
  }
  const std::string dsn = value_of(variables, "MESSENGER_TRANSPORT_DSN");
  if (!dsn.starts_with("amqp")) return {};
  const std::size_t path = dsn.find('/', dsn.find("//") + 2);
  const std::size_t end =
      path == std::string::npos ? dsn.find('?') : dsn.find_first_of("/?", path + 1);
  return {dsn.substr(0, end), "MESSENGER_TRANSPORT_DSN"};
}

}  // namespace starling::server
