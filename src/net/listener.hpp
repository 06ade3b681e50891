// Listener: the socket that new connections come from. Lives on the main thread; who accepts is
// given the descriptor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "base/ip_address.hpp"
#include "base/result.hpp"
#include "base/time.hpp"

namespace starling::net {

// Binds and listens, with SO_REUSEADDR. Sockets that are accepted have TCP_NODELAY: Linux hands it
// down.
class Listener {
 public:
  // `host` is a numeric IPv4 or IPv6 address or "localhost". Fails with a sentence that names the
  // address and the cause (taken, not permitted, not an address of this host).
  static base::Result<Listener> open(const std::string& host, std::uint16_t port, int backlog);
  // Takes over a socket that listens already. Fails where it does not, or is not TCP.
  static base::Result<Listener> adopt(int descriptor);
  Listener(Listener&& other) noexcept;
  Listener& operator=(Listener&& other) noexcept;
  ~Listener();

  int descriptor() const { return descriptor_; }
  const std::string& host() const { return host_; }
  std::uint16_t port() const { return port_; }  // the real one where 0 was asked for
  // What the kernel does with the connections that are accepted from now on: it ends one
  // (ETIMEDOUT) whose peer has taken nothing of what was sent for so long, be it dead or standing
  // still: TCP_USER_TIMEOUT of tcp(7), which Linux hands down. Whole milliseconds.
  void give_up_untaken(base::Duration after) const;
  void close();

 private:
  Listener(int descriptor, std::string host, std::uint16_t port)
      : descriptor_(descriptor), host_(std::move(host)), port_(port) {}
  int descriptor_ = -1;
  std::string host_;
  std::uint16_t port_ = 0;
};

// Where an accepted socket comes from. Nothing where the peer has gone already.
std::optional<base::IpAddress> peer_address(int socket);

}  // namespace starling::net
