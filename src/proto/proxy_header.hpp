// The header of the PROXY protocol, version 2: who a proxy speaks for, before the first byte of
// that client (HAProxy, doc/proxy-protocol.txt, section 2.2).
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/ip_address.hpp"

namespace starling::proto {

// With what it says besides the addresses. HAProxy's own additions take less than 300 bytes.
inline constexpr std::size_t max_proxy_header_bytes = 1'024;

struct ProxyHeader {
  // Nothing where the proxy speaks for itself (LOCAL, a health check) or for who has no IP address:
  // the address of the connection holds.
  std::optional<base::IpAddress> source;
  bool tls = false;  // the client speaks TLS to the proxy (PP2_TYPE_SSL)
};

// Reads one header at the beginning of a connection, however it is cut.
class ProxyHeaderReader {
 public:
  enum class State : std::uint8_t {
    reading,
    complete,   // header() is whole; what follows is the client's
    malformed,  // no such header, of another version, or longer than the bound
  };

  // Takes bytes up to the end of the header. Returns how many it took; nothing once it is complete
  // or malformed.
  std::size_t feed(std::span<const std::byte> bytes);

  State state() const { return state_; }
  // In state complete.
  const ProxyHeader& header() const { return header_; }

 private:
  std::size_t wanted() const;
  void look();
  bool parse();
  bool parse_additions(std::string_view additions);

  State state_ = State::reading;
  std::string bytes_;
  ProxyHeader header_;
};

}  // namespace starling::proto
