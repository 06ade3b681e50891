#include "net/listener.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <span>
#include <utility>

namespace starling::net {
namespace {

struct Address {
  sockaddr_storage storage{};
  socklen_t size = 0;
};

bool parse_address(const std::string& host, std::uint16_t port, Address& address) {
  const std::string numeric = host == "localhost" ? "127.0.0.1" : host;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  if (::inet_pton(AF_INET, numeric.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.size = sizeof *v4;
    return true;
  }
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET6, numeric.c_str(), &v6->sin6_addr) != 1) return false;
  v6->sin6_family = AF_INET6;
  v6->sin6_port = htons(port);
  address.size = sizeof *v6;
  return true;
}

std::uint16_t port_of(const Address& address) {
  const bool v4 = address.storage.ss_family == AF_INET;
  return ntohs(v4 ? reinterpret_cast<const sockaddr_in*>(&address.storage)->sin_port
                  : reinterpret_cast<const sockaddr_in6*>(&address.storage)->sin6_port);
}

std::string host_of(const Address& address) {
  char text[INET6_ADDRSTRLEN] = "";
  const auto* const v4 = reinterpret_cast<const sockaddr_in*>(&address.storage);
  const auto* const v6 = reinterpret_cast<const sockaddr_in6*>(&address.storage);
  const bool is_v4 = address.storage.ss_family == AF_INET;
  ::inet_ntop(address.storage.ss_family,
              is_v4 ? static_cast<const void*>(&v4->sin_addr) : &v6->sin6_addr, text, sizeof text);
  return text;
}

std::string explain(const std::string& host, std::uint16_t port, int error) {
  std::string text = "cannot listen on " + host + " port " + std::to_string(port) + ": ";
  text += std::strerror(error);
  if (error == EADDRINUSE) text += "; another program listens there, choose another port";
  if (error == EACCES) text += "; ports below 1024 need the capability CAP_NET_BIND_SERVICE";
  if (error == EADDRNOTAVAIL) text += "; this host has no such address";
  return text;
}

// Of the sockets that will be accepted. It cannot fail on a TCP socket.
void set_inherited_options(int listener) {
  const int on = 1;
  ::setsockopt(listener, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

}  // namespace

base::Result<Listener> Listener::open(const std::string& host, std::uint16_t port, int backlog) {
  Address address;
  if (!parse_address(host, port, address)) {
    return base::failure("'" + host + "' is neither an IPv4 nor an IPv6 address", EINVAL);
  }
  const int family = address.storage.ss_family;
  Listener listener{::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), host, port};
  const int on = 1;
  auto* const bound = reinterpret_cast<sockaddr*>(&address.storage);
  if (listener.descriptor_ < 0 ||
      ::setsockopt(listener.descriptor_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
      ::bind(listener.descriptor_, bound, address.size) != 0 ||
      ::listen(listener.descriptor_, backlog) != 0 ||
      ::getsockname(listener.descriptor_, bound, &address.size) != 0) {
    const int error = errno;
    return base::failure(explain(host, port, error), error);
  }
  set_inherited_options(listener.descriptor_);
  listener.port_ = port_of(address);
  return listener;
}

base::Result<Listener> Listener::adopt(int descriptor) {
  int listens = 0;
  socklen_t size = sizeof listens;
  Address address;
  address.size = sizeof address.storage;
  auto* const bound = reinterpret_cast<sockaddr*>(&address.storage);
  if (::getsockopt(descriptor, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) != 0 || listens == 0 ||
      ::getsockname(descriptor, bound, &address.size) != 0 ||
      (bound->sa_family != AF_INET && bound->sa_family != AF_INET6)) {
    return base::failure("descriptor " + std::to_string(descriptor) +
                         " from the service manager is no listening TCP socket");
  }
  // Accepting must never block the ring's workers.
  ::fcntl(descriptor, F_SETFL, ::fcntl(descriptor, F_GETFL) | O_NONBLOCK);
  set_inherited_options(descriptor);
  return Listener{descriptor, host_of(address), port_of(address)};
}

Listener::Listener(Listener&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      host_(std::move(other.host_)),
      port_(other.port_) {}

Listener& Listener::operator=(Listener&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  std::swap(host_, other.host_);
  std::swap(port_, other.port_);
  return *this;
}

Listener::~Listener() { close(); }

void Listener::give_up_untaken(base::Duration after) const {
  const auto limit =
      static_cast<unsigned>(std::chrono::ceil<std::chrono::milliseconds>(after).count());
  ::setsockopt(descriptor_, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
}

void Listener::close() {
  if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
}

std::optional<base::IpAddress> peer_address(int socket) {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  if (::getpeername(socket, reinterpret_cast<sockaddr*>(&storage), &size) != 0) return std::nullopt;
  if (storage.ss_family == AF_INET) {
    const in_addr& v4 = reinterpret_cast<const sockaddr_in*>(&storage)->sin_addr;
    return base::IpAddress::of_v4(std::as_bytes(std::span<const in_addr, 1>{&v4, 1}));
  }
  if (storage.ss_family != AF_INET6) return std::nullopt;
  const in6_addr& v6 = reinterpret_cast<const sockaddr_in6*>(&storage)->sin6_addr;
  return base::IpAddress::of_v6(std::as_bytes(std::span<const in6_addr, 1>{&v6, 1}));
}

}  // namespace starling::net
