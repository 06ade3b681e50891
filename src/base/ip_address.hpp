// IP addresses and networks as values: parsed, compared, shown; no socket, no name.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::base {

// IPv4 or IPv6, in 16 bytes; IPv4 as it is mapped into IPv6 (RFC 4291, section 2.5.5.2), so that
// one address is one value however a socket tells it.
class IpAddress {
 public:
  // 4 or 16 bytes in network order.
  static IpAddress of_v4(std::span<const std::byte, 4> bytes);
  static IpAddress of_v6(std::span<const std::byte, 16> bytes);
  // "192.0.2.1" or "2001:db8::1", and nothing else.
  static std::optional<IpAddress> parse(std::string_view text);

  bool is_v4() const;
  // Whom limits count: the 4 bytes of an IPv4 address, or the 8 of an IPv6 address's /64, which one
  // subscriber has whole.
  std::string_view subscriber() const;
  bool operator==(const IpAddress&) const = default;

 private:
  friend class IpNetwork;
  std::array<char, 16> bytes_{};
};

class IpNetwork {
 public:
  // "10.0.0.0/8", "2001:db8::/32", or an address, which is a network of one.
  static std::optional<IpNetwork> parse(std::string_view text);

  bool contains(const IpAddress& address) const;

 private:
  IpAddress address_;
  unsigned prefix_ = 0;  // of the 128 bits
};

bool any_contains(const std::vector<IpNetwork>& networks, const IpAddress& address);

}  // namespace starling::base
