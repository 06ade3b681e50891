#include "client.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
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

int connect_to(std::uint16_t port, int source) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) give_up(std::string{"socket: "} + std::strerror(errno));
  const int on = 1;
  ::setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK - 1 + static_cast<unsigned>(source));
  ::setsockopt(socket, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof on);
  if (::bind(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    give_up(std::string{"bind: "} + std::strerror(errno));
  }
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(port);
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    give_up("cannot connect to port " + std::to_string(port) + ": " + std::strerror(errno));
  }
  return socket;
}

bool wait_readable(int socket) {
  pollfd watched{socket, POLLIN, 0};
  return ::poll(&watched, 1, await_ms) == 1;
}

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "starling-load: %s\n", why.c_str());
  std::exit(1);
}

Client::Client(std::uint16_t port, std::string_view subprotocol, int source)
    : socket_(connect_to(port, source)) {
  std::string head =
      "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (!subprotocol.empty()) {
    head.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  }
  write(head + "\r\n");
  while (rest_.find("\r\n\r\n") == std::string::npos) {
    char buffer[4'096];
    const ssize_t count = wait_readable(socket_) ? ::recv(socket_, buffer, sizeof buffer, 0) : -1;
    if (count <= 0) give_up("no answer to the upgrade");
    rest_.append(buffer, static_cast<std::size_t>(count));
  }
  if (rest_.compare(0, 12, "HTTP/1.1 101") != 0) give_up("upgrade refused: " + rest_);
  rest_.erase(0, rest_.find("\r\n\r\n") + 4);
  ::fcntl(socket_, F_SETFL, O_NONBLOCK);
}

Client::~Client() { ::close(socket_); }

void Client::send(std::string_view text) {
  std::string frame{'\x81'};
  if (text.size() < 126) {
    frame += static_cast<char>(0x80u | text.size());
  } else {
    frame += static_cast<char>(0xfe);
    frame += static_cast<char>(text.size() >> 8);
    frame += static_cast<char>(text.size() & 0xff);
  }
  frame.append(4, '\0');
  write(frame.append(text));
}

void Client::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count < 0 && errno == EAGAIN) {
      pollfd watched{socket_, POLLOUT, 0};
      ::poll(&watched, 1, await_ms);
      continue;
    }
    if (count < 0) give_up(std::string{"send: "} + std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void Client::take_frames(const OnFrame& on_frame) {
  std::string all;
  all.swap(rest_);
  std::size_t taken = 0;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(all[taken + i]); };
  while (all.size() - taken >= 2) {
    std::size_t size = at(1) & 0x7fu;
    std::size_t header = 2;
    if (size >= 126) {
      header = size == 126 ? 4 : 10;
      if (all.size() - taken < header) break;
      size = 0;
      for (std::size_t i = 2; i < header; ++i) size = size << 8 | at(i);
    }
    if (all.size() - taken < header + size) break;
    if ((at(0) & 0x0fu) == 1) {
      on_frame(*this, std::string_view{all}.substr(taken + header, size));
    } else if ((at(0) & 0x0fu) == 9) {
      write(std::string_view{"\x8a\x80\0\0\0\0", 6});  // an empty pong
    }
    taken += header + size;
  }
  if (taken < all.size()) rest_ = all.substr(taken);
}

bool Client::read(const OnFrame& on_frame) {
  thread_local char buffer[256 * 1024];
  ssize_t count;
  while ((count = ::recv(socket_, buffer, sizeof buffer, 0)) > 0) {
    rest_.append(buffer, static_cast<std::size_t>(count));
    take_frames(on_frame);
    if (count < static_cast<ssize_t>(sizeof buffer)) return true;
  }
  return count < 0 && errno == EAGAIN;
}

std::string Client::await(std::string_view part) {
  std::string found;
  const auto look = [&](Client&, std::string_view payload) {
    if (found.empty() && payload.find(part) != std::string_view::npos) found = payload;
    if (payload.find("\"type\":\"error\"") != std::string_view::npos) {
      give_up("the server says " + std::string{payload});
    }
  };
  take_frames(look);  // some may have come with the answer to the upgrade
  while (found.empty()) {
    if (!wait_readable(socket_)) give_up("did not get " + std::string{part});
    if (!read(look) && found.empty()) give_up("closed while waiting for " + std::string{part});
  }
  return found;
}

std::string http_post(std::uint16_t port, std::string_view path, std::string_view body) {
  const int socket = connect_to(port, 1);
  std::string request = "POST ";
  request.append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
  request.append("Content-Type: application/json\r\nContent-Length: ");
  request.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  if (::send(socket, request.data(), request.size(), MSG_NOSIGNAL) < 0) give_up("send failed");
  std::string answer;
  char buffer[4'096];
  ssize_t count;
  while ((count = ::recv(socket, buffer, sizeof buffer, 0)) > 0) {
    answer.append(buffer, static_cast<std::size_t>(count));
  }
  ::close(socket);
  const std::size_t end = answer.find("\r\n\r\n");
  return end == std::string::npos ? std::string{} : answer.substr(end + 4);
}

}  // namespace starling::bench
