#include "socket.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace starling::bench {
namespace {

constexpr int await_ms = 30'000;
constexpr int exit_unavailable = 69;

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "starling-load: %s\n", why.c_str());
  std::exit(exit_unavailable);
}

int connect_to(std::uint16_t port, Origin origin) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) give_up(std::string{"socket: "} + std::strerror(errno));
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (origin.receive_buffer_bytes > 0) {
    ::setsockopt(socket, SOL_SOCKET, SO_RCVBUF, &origin.receive_buffer_bytes,
                 sizeof origin.receive_buffer_bytes);
  }
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + static_cast<unsigned>(origin.source));
  ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    give_up(std::string{"bind: "} + std::strerror(errno));
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0) return socket;
  // Refused: nobody listens. Reset: who listened died before it had accepted.
  if (errno != ECONNREFUSED && errno != ECONNRESET) {
    give_up("cannot connect to port " + std::to_string(port) + ": " + std::strerror(errno));
  }
  ::close(socket);
  return -1;
}

bool receive_more(int socket, std::string& into) {
  pollfd watched{socket, POLLIN, 0};
  if (::poll(&watched, 1, await_ms) != 1) return false;
  char buffer[4'096];
  const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
  if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

}  // namespace starling::bench
