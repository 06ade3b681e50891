#include "base/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace starling::base {
namespace {

constexpr std::array<char, 12> mapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, '\xff', '\xff'};
constexpr unsigned address_bits = 128;
constexpr unsigned v4_bits = 32;
constexpr std::size_t subscriber_bytes = 8;  // of IPv6

}  // namespace

IpAddress IpAddress::of_v4(std::span<const std::byte, 4> bytes) {
  IpAddress address;
  std::ranges::copy(mapped, address.bytes_.begin());
  std::memcpy(address.bytes_.data() + mapped.size(), bytes.data(), bytes.size());
  return address;
}

IpAddress IpAddress::of_v6(std::span<const std::byte, 16> bytes) {
  IpAddress address;
  std::memcpy(address.bytes_.data(), bytes.data(), bytes.size());
  return address;
}

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  if (text.empty() || text.size() >= INET6_ADDRSTRLEN) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  const std::string terminated{text};
  std::array<std::byte, 16> bytes;
  if (::inet_pton(AF_INET, terminated.c_str(), bytes.data()) == 1) {
    return of_v4(std::span{bytes}.first<4>());
  }
  if (::inet_pton(AF_INET6, terminated.c_str(), bytes.data()) == 1) return of_v6(bytes);
  return std::nullopt;
}

bool IpAddress::is_v4() const { return std::ranges::equal(mapped, std::span{bytes_}.first<12>()); }

std::string_view IpAddress::subscriber() const {
  const std::string_view all{bytes_.data(), bytes_.size()};
  return is_v4() ? all.substr(mapped.size()) : all.substr(0, subscriber_bytes);
}

std::optional<IpNetwork> IpNetwork::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<IpAddress> address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::nullopt;
  IpNetwork network;
  network.address_ = *address;
  network.prefix_ = address_bits;
  if (slash == std::string_view::npos) return network;
  const std::string_view digits = text.substr(slash + 1);
  const char* const end = digits.data() + digits.size();
  unsigned prefix = 0;
  const auto parsed = std::from_chars(digits.data(), end, prefix);
  const unsigned most = address->is_v4() ? v4_bits : address_bits;
  if (digits.empty() || parsed.ec != std::errc{} || parsed.ptr != end || prefix > most) {
    return std::nullopt;
  }
  network.prefix_ = address_bits - most + prefix;
  return network;
}

bool IpNetwork::contains(const IpAddress& address) const {
  const std::size_t whole = prefix_ / 8;
  const auto& mine = address_.bytes_;
  if (!std::equal(mine.begin(), mine.begin() + static_cast<std::ptrdiff_t>(whole),
                  address.bytes_.begin())) {
    return false;
  }
  const unsigned rest = prefix_ % 8;
  if (rest == 0) return true;
  const auto differing = static_cast<unsigned char>(mine[whole] ^ address.bytes_[whole]);
  return differing >> (8 - rest) == 0;
}

bool any_contains(const std::vector<IpNetwork>& networks, const IpAddress& address) {
  return std::ranges::any_of(
      networks, [&address](const IpNetwork& network) { return network.contains(address); });
}

}  // namespace starling::base
