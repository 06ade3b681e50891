#include "server/listeners.hpp"

#include <cerrno>
#include <chrono>
#include <thread>

namespace starling::server {
namespace {

constexpr int listen_backlog = 4'096;
constexpr std::chrono::milliseconds port_patience{2'000};
constexpr std::chrono::milliseconds port_retry{10};

bool taken(const base::Result<net::Listener>& listener) {
  return !listener && listener.error().system_errno == EADDRINUSE;
}

// The kernel takes the sockets of a killed predecessor out of its rings only after that process is
// gone, so a port may stay taken for a moment. A program that really listens there is told apart by
// staying.
base::Result<net::Listener> listen_patiently(const std::string& host, std::uint16_t port) {
  const auto deadline = std::chrono::steady_clock::now() + port_patience;
  for (;;) {
    base::Result<net::Listener> listener = net::Listener::open(host, port, listen_backlog);
    if (!taken(listener) || std::chrono::steady_clock::now() >= deadline) return listener;
    std::this_thread::sleep_for(port_retry);
  }
}

}  // namespace

std::string address_text(const std::string& host, std::uint16_t port) {
  const bool v6 = host.find(':') != std::string::npos;
  return (v6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

base::Result<net::Listener> public_listener(const Config& config, const GivenSockets& given) {
  if (given.public_listener >= 0) return net::Listener::adopt(given.public_listener);
  return listen_patiently(config.server.host, config.server.port);
}

base::Result<net::Listener> admin_listener(const Config& config, const GivenSockets& given) {
  if (given.admin_listener >= 0) return net::Listener::adopt(given.admin_listener);
  const auto& admin = config.admin;
  if (admin.chosen) return listen_patiently(admin.host, admin.port);
  base::Result<net::Listener> listener =
      net::Listener::open(admin.host, admin.port, listen_backlog);
  if (taken(listener)) return net::Listener::open(admin.host, 0, listen_backlog);
  return listener;
}

}  // namespace starling::server
