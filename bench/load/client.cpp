#include "client.hpp"

#include <unistd.h>

#include <utility>

namespace starling::bench {

std::array<char, std::size_t{16} << 20> Client::buffer_;

Client::Client(Address address, Origin origin) : address_(std::move(address)), origin_(origin) {
  if (!open()) give_up("nobody listens on port " + std::to_string(address_.port));
}

Client::~Client() {
  if (socket_ >= 0) ::close(socket_);
}

bool Client::open() {
  if (socket_ >= 0) ::close(socket_);
  socket_ = connect_to(address_.port, origin_);
  upgraded_ = false;
  rest_.clear();
  outgoing_ = "GET " + address_.path +
              " HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (!address_.subprotocol.empty()) {
    outgoing_.append("Sec-WebSocket-Protocol: ").append(address_.subprotocol).append("\r\n");
  }
  outgoing_.append("\r\n");
  if (socket_ >= 0) flush();
  return socket_ >= 0;
}

bool Client::take_upgrade(std::string_view& bytes) {
  const std::size_t end = bytes.find("\r\n\r\n");
  if (end == std::string_view::npos) return false;
  if (!bytes.starts_with("HTTP/1.1 101")) give_up("upgrade refused: " + std::string{bytes});
  bytes.remove_prefix(end + 4);
  return upgraded_ = true;
}

void Client::finish_upgrade() {
  while (!upgraded_) {
    if (!receive_more(socket_, rest_)) give_up("no answer to the upgrade");
    std::string_view bytes{rest_};
    take_upgrade(bytes);
    rest_.erase(0, rest_.size() - bytes.size());
  }
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

void Client::send(std::string_view payload, unsigned opcode) {
  outgoing_ += static_cast<char>(0x80u | opcode);
  if (payload.size() < 126) {
    outgoing_ += static_cast<char>(0x80u | payload.size());
  } else if (payload.size() <= 0xffff) {
    outgoing_ += static_cast<char>(0xfe);
    outgoing_ += static_cast<char>(payload.size() >> 8);
    outgoing_ += static_cast<char>(payload.size() & 0xff);
  } else {
    give_up("a message is longer than 65,535 bytes");
  }
  outgoing_.append(4, '\0');
  outgoing_.append(payload);
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

void Client::reset() {
  const linger at_once{1, 0};
  ::setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  ::close(std::exchange(socket_, -1));
}

void Client::on_ping() {
  outgoing_.append({"\x8a\x80\0\0\0\0", 6});  // an empty pong
  flush();
}

}  // namespace starling::bench
