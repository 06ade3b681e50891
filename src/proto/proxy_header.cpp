#include "proto/proxy_header.hpp"

#include <algorithm>
#include <string_view>

namespace starling::proto {
namespace {

constexpr std::string_view signature{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::size_t fixed_bytes = 16;  // signature, version and command, family, length
constexpr unsigned version = 2;
constexpr unsigned command_local = 0;
constexpr unsigned command_proxy = 1;
constexpr unsigned family_v4 = 1;
constexpr unsigned family_v6 = 2;
constexpr unsigned family_unix = 3;
constexpr unsigned transport_stream = 1;
constexpr std::size_t v4_bytes = 12;     // two addresses, two ports
constexpr std::size_t v6_bytes = 36;     // the same
constexpr std::size_t unix_bytes = 216;  // two paths
constexpr unsigned type_ssl = 0x20;
constexpr std::size_t ssl_bytes = 5;  // what the client did, and whether its certificate is right
constexpr unsigned client_ssl = 1;

unsigned byte_at(std::string_view bytes, std::size_t at) {
  return static_cast<unsigned char>(bytes[at]);
}

std::size_t length_at(std::string_view bytes, std::size_t at) {
  return std::size_t{byte_at(bytes, at)} << 8 | byte_at(bytes, at + 1);
}

}  // namespace

// Up to where it has to be read before more is known of it.
std::size_t ProxyHeaderReader::wanted() const {
  return bytes_.size() < fixed_bytes ? fixed_bytes : fixed_bytes + length_at(bytes_, 14);
}

std::size_t ProxyHeaderReader::feed(std::span<const std::byte> bytes) {
  const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  std::size_t taken = 0;
  while (state_ == State::reading && taken < text.size()) {
    const std::string_view piece = text.substr(taken, wanted() - bytes_.size());
    bytes_ += piece;
    taken += piece.size();
    look();
  }
  return taken;
}

// A stream that begins otherwise is known by its first byte that differs.
void ProxyHeaderReader::look() {
  const std::size_t begun = std::min(bytes_.size(), signature.size());
  const bool begins_alike = std::string_view{bytes_}.substr(0, begun) == signature.substr(0, begun);
  const bool has_length = bytes_.size() >= fixed_bytes;
  if (!begins_alike || (has_length && wanted() > max_proxy_header_bytes)) {
    state_ = State::malformed;
  } else if (has_length && bytes_.size() == wanted()) {
    state_ = parse() ? State::complete : State::malformed;
  }
}

bool ProxyHeaderReader::parse() {
  const std::string_view all{bytes_};
  const unsigned command = byte_at(all, 12) & 0xf;
  if (byte_at(all, 12) >> 4 != version || command > command_proxy) return false;
  if (command == command_local) return true;
  const unsigned family = byte_at(all, 13) >> 4;
  const unsigned transport = byte_at(all, 13) & 0xf;
  const std::string_view rest = all.substr(fixed_bytes);
  if (family == 0) return true;  // unspecified: what follows is to be skipped
  if (family > family_unix || transport != transport_stream) return false;
  const std::size_t addresses = family == family_v4   ? v4_bytes
                                : family == family_v6 ? v6_bytes
                                                      : unix_bytes;
  if (rest.size() < addresses) return false;
  const auto source = std::as_bytes(std::span{rest});
  if (family == family_v4) header_.source = base::IpAddress::of_v4(source.first<4>());
  if (family == family_v6) header_.source = base::IpAddress::of_v6(source.first<16>());
  return parse_additions(rest.substr(addresses));
}

// Type, length, value, one behind the other (section 2.2, "Type-Length-Value").
bool ProxyHeaderReader::parse_additions(std::string_view additions) {
  constexpr std::size_t head = 3;
  while (!additions.empty()) {
    if (additions.size() < head) return false;
    const unsigned type = byte_at(additions, 0);
    const std::size_t length = length_at(additions, 1);
    additions.remove_prefix(head);
    if (additions.size() < length) return false;
    if (type == type_ssl) {
      if (length < ssl_bytes) return false;
      header_.tls = (byte_at(additions, 0) & client_ssl) != 0;
    }
    additions.remove_prefix(length);
  }
  return true;
}

}  // namespace starling::proto
