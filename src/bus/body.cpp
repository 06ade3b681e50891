#include "bus/body.hpp"

#include <sodium.h>

#include <algorithm>
#include <charconv>

namespace starling::bus {
namespace {

constexpr std::string_view derivation = "starling bus 1";
constexpr std::array<std::string_view, 4> kinds{"events", "beat", "farewell", "lines"};
static_assert(crypto_auth_hmacsha256_BYTES == std::tuple_size_v<SigningKey>);

using Mac = std::array<unsigned char, crypto_auth_hmacsha256_BYTES>;

std::string chain_text(const std::vector<Link>& chain) {
  std::string text;
  for (const auto& [id, previous] : chain) {
    text.append(std::to_string(id)).push_back('<');
    text.append(std::to_string(previous)).push_back(' ');
  }
  return text;
}

// Over every field, each with its length before it: no two bodies have the same bytes signed.
Mac sign(const Body& body, const SigningKey& key) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, key.data(), key.size());
  const auto take = [&state](std::string_view bytes) {
    crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(bytes.data()),
                                  bytes.size());
  };
  const auto field = [&take](std::string_view bytes) {
    take(std::to_string(bytes.size()));
    take(":");
    take(bytes);
  };
  field(kinds[static_cast<std::size_t>(body.kind)]);
  field(body.origin.server);
  for (const std::uint64_t number :
       {body.origin.incarnation, body.epoch, std::uint64_t{body.partition}, body.number}) {
    field(std::to_string(number));
  }
  field(body.text);
  if (!body.chain.empty()) field(chain_text(body.chain));
  Mac mac;
  crypto_auth_hmacsha256_final(&state, mac.data());
  return mac;
}

std::string hex(const Mac& mac) {
  std::string text(2 * mac.size() + 1, '\0');
  sodium_bin2hex(text.data(), text.size(), mac.data(), mac.size());
  text.pop_back();
  return text;
}

std::optional<Mac> unhex(std::string_view text) {
  Mac mac;
  std::size_t size = 0;
  if (text.size() != 2 * mac.size() || sodium_hex2bin(mac.data(), mac.size(), text.data(),
                                                      text.size(), nullptr, &size, nullptr) != 0) {
    return std::nullopt;
  }
  return mac;
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (text.empty() || parsed.ec != std::errc{} || parsed.ptr != end) return std::nullopt;
  return number;
}

std::optional<std::vector<Link>> chain_of(std::string_view text) {
  std::vector<Link> chain;
  while (!text.empty()) {
    const std::size_t middle = text.find('<');
    const std::size_t end = text.find(' ');
    if (middle > end || end == std::string_view::npos) return std::nullopt;
    const std::optional<std::uint64_t> id = number_of(text.substr(0, middle));
    const std::optional<std::uint64_t> previous =
        number_of(text.substr(middle + 1, end - middle - 1));
    if (!id || !previous) return std::nullopt;
    chain.push_back({*id, *previous});
    text.remove_prefix(end + 1);
  }
  return chain;
}

// Empty where there is none: no field of a body that is.
std::string_view header(const Message& message, std::string_view name) {
  const auto found =
      std::ranges::find(message.headers, name, &std::pair<std::string, std::string>::first);
  return found == message.headers.end() ? std::string_view{} : found->second;
}

}  // namespace

SigningKey signing_key(std::string_view secret) {
  crypto_auth_hmacsha256_state state;
  crypto_auth_hmacsha256_init(&state, reinterpret_cast<const unsigned char*>(secret.data()),
                              secret.size());
  crypto_auth_hmacsha256_update(&state, reinterpret_cast<const unsigned char*>(derivation.data()),
                                derivation.size());
  SigningKey key;
  crypto_auth_hmacsha256_final(&state, key.data());
  return key;
}

Message seal(Body&& body, const SigningKey& key) {
  Message message;
  message.type = kinds[static_cast<std::size_t>(body.kind)];
  message.headers = {{"origin", body.origin.server},
                     {"incarnation", std::to_string(body.origin.incarnation)},
                     {"epoch", std::to_string(body.epoch)},
                     {"partition", std::to_string(body.partition)},
                     {"number", std::to_string(body.number)},
                     {"hmac", hex(sign(body, key))}};
  if (!body.chain.empty()) message.headers.emplace_back("chain", chain_text(body.chain));
  message.exchange = body.kind == BodyKind::lines ? signal_exchange : event_exchange;
  if (body.kind == BodyKind::events) {
    message.routing_key = std::string{event_key_prefix} + std::to_string(body.partition);
  } else if (body.kind != BodyKind::lines) {
    message.routing_key = beat_key;
  }
  message.text = std::move(body.text);
  return message;
}

std::optional<Body> open(Message&& message, const SigningKey& key) {
  if (message.text.size() > max_body_bytes) return std::nullopt;
  const auto kind = std::ranges::find(kinds, message.type);
  const std::optional<std::uint64_t> incarnation = number_of(header(message, "incarnation"));
  const std::optional<std::uint64_t> epoch = number_of(header(message, "epoch"));
  const std::optional<std::uint64_t> partition = number_of(header(message, "partition"));
  const std::optional<std::uint64_t> number = number_of(header(message, "number"));
  const std::optional<Mac> mac = unhex(header(message, "hmac"));
  std::optional<std::vector<Link>> chain = chain_of(header(message, "chain"));
  if (kind == kinds.end() || !incarnation || !epoch || !partition || !number || !mac || !chain) {
    return std::nullopt;
  }
  if (*partition >= max_partitions) return std::nullopt;
  Body body;
  body.kind = static_cast<BodyKind>(kind - kinds.begin());
  body.origin = {std::string{header(message, "origin")}, *incarnation};
  body.epoch = *epoch;
  body.partition = static_cast<unsigned>(*partition);
  body.number = *number;
  body.text = std::move(message.text);
  body.chain = std::move(*chain);
  if (sodium_memcmp(sign(body, key).data(), mac->data(), mac->size()) != 0) return std::nullopt;
  return body;
}

std::string beat_text(const std::vector<std::uint64_t>& numbers) {
  std::string text = R"({"type":"beat","numbers":[)";
  for (const std::uint64_t number : numbers) text.append(std::to_string(number)).push_back(',');
  if (!numbers.empty()) text.pop_back();
  return text.append("]}\n");
}

std::optional<std::vector<std::uint64_t>> numbers_of(std::string_view text) {
  constexpr std::string_view begin = R"({"type":"beat","numbers":[)";
  constexpr std::string_view end = "]}\n";
  if (!text.starts_with(begin) || !text.ends_with(end)) return std::nullopt;
  text.remove_prefix(begin.size());
  text.remove_suffix(end.size());
  std::vector<std::uint64_t> numbers;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::optional<std::uint64_t> number = number_of(text.substr(0, comma));
    if (!number || numbers.size() == max_partitions || comma + 1 == text.size()) {
      return std::nullopt;
    }
    numbers.push_back(*number);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return numbers;
}

unsigned partition_of(std::string_view room, unsigned partitions) {
  std::uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : room) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3u;
  }
  return static_cast<unsigned>(hash % partitions);
}

}  // namespace starling::bus
