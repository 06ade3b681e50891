#include "client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace starling::bench {
namespace {

constexpr int await_ms = 30'000;
constexpr int exit_unavailable = 69;

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
  if (::connect(socket, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    give_up("cannot connect to port " + std::to_string(port) + ": " + std::strerror(errno));
  }
  return socket;
}

// Appends what comes to `into`, blocking; false at the end of the stream or when nothing comes.
bool receive_more(int socket, std::string& into) {
  pollfd watched{socket, POLLIN, 0};
  if (::poll(&watched, 1, await_ms) != 1) return false;
  char buffer[4'096];
  const ssize_t count = ::recv(socket, buffer, sizeof buffer, 0);
  if (count > 0) into.append(buffer, static_cast<std::size_t>(count));
  return count > 0;
}

}  // namespace

void give_up(const std::string& why) {
  std::fprintf(stderr, "starling-load: %s\n", why.c_str());
  std::exit(exit_unavailable);
}

std::array<char, 256 * 1024> Client::buffer_;

Client::Client(std::uint16_t port, std::string_view subprotocol, Origin origin)
    : socket_(connect_to(port, origin)) {
  outgoing_ =
      "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (!subprotocol.empty()) {
    outgoing_.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
  }
  outgoing_.append("\r\n");
  flush();
}

Client::~Client() { ::close(socket_); }

void Client::finish_upgrade() {
  std::size_t end;
  while ((end = rest_.find("\r\n\r\n")) == std::string::npos) {
    if (!receive_more(socket_, rest_)) give_up("no answer to the upgrade");
  }
  if (!rest_.starts_with("HTTP/1.1 101")) give_up("upgrade refused: " + rest_);
  rest_.erase(0, end + 4);
}

std::string Client::await(std::string_view part) {
  std::string found;
  while (true) {
    // Frames may have come together with what was awaited before.
    const std::size_t taken = take_frames(rest_, [&](unsigned, std::string_view payload) {
      if (found.empty() && payload.find(part) != std::string_view::npos) found = payload;
      if (payload.starts_with(R"({"type":"error")")) {
        give_up("the server says " + std::string{payload});
      }
    });
    rest_.erase(0, taken);
    if (!found.empty()) return found;
    if (!receive_more(socket_, rest_)) give_up("did not get " + std::string{part});
  }
}

void Client::send(std::string_view text) {
  outgoing_ += '\x81';
  if (text.size() < 126) {
    outgoing_ += static_cast<char>(0x80u | text.size());
  } else if (text.size() <= 0xffff) {
    outgoing_ += static_cast<char>(0xfe);
    outgoing_ += static_cast<char>(text.size() >> 8);
    outgoing_ += static_cast<char>(text.size() & 0xff);
  } else {
    give_up("a message is longer than 65,535 bytes");
  }
  outgoing_.append(4, '\0');
  outgoing_.append(text);
}

void Client::flush() {
  if (outgoing_.empty()) return;
  const ssize_t count =
      ::send(socket_, outgoing_.data(), outgoing_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count > 0) outgoing_.erase(0, static_cast<std::size_t>(count));
  // A connection that has ended is found by the next read.
  if (outgoing_.size() > max_outgoing_bytes) give_up("the server does not read what it is sent");
}

void Client::hang_up() { ::shutdown(socket_, SHUT_RDWR); }

void Client::on_ping() {
  outgoing_.append({"\x8a\x80\0\0\0\0", 6});  // an empty pong
  flush();
}

Post::Post(std::uint16_t port, std::string_view path, std::string_view body)
    : socket_(connect_to(port, {})) {
  std::string request = "POST ";
  request.append(path).append(" HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n");
  request.append("Content-Type: application/json\r\nContent-Length: ");
  request.append(std::to_string(body.size())).append("\r\n\r\n").append(body);
  if (::send(socket_, request.data(), request.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(request.size())) {
    give_up(std::string{"send: "} + std::strerror(errno));
  }
}

Post::~Post() {
  if (socket_ >= 0) ::close(socket_);
}

std::string Post::answer() {
  std::string all;
  while (receive_more(socket_, all)) {
  }
  const std::size_t end = all.find("\r\n\r\n");
  return end == std::string::npos ? std::string{} : all.substr(end + 4);
}

}  // namespace starling::bench
