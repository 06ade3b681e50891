// A WebSocket client with as little of its own as possible: the load generator must not be what is
// measured. Non-blocking once it is set up; frames it sends are masked with zeros.
#pragma once

#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>

#include "frames.hpp"

namespace starling::bench {

// A measurement that cannot be made as it was asked for is none: says why and exits with 69.
[[noreturn]] void give_up(const std::string& why);

// Where a connection comes from and how much it takes before its peer has to wait.
struct Origin {
  // The last byte of a 127.0.0.x address, so that one server port can have more than 28,000 peers.
  int source = 1;
  int receive_buffer_bytes = 0;  // 0: as the kernel likes
};

class Client {
 public:
  // Connects to 127.0.0.1 and asks for the upgrade; finish_upgrade() blocks for the answer.
  Client(std::uint16_t port, std::string_view subprotocol, Origin origin);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void finish_upgrade();
  // Blocks until a text frame that holds `part` has come, and drops the others before it.
  std::string await(std::string_view part);

  // Queues one text frame; flush() gives the kernel what is queued. What the socket does not take
  // at once waits, up to a bound, for the next flush().
  void send(std::string_view text);
  void flush();

  // Reads what is there and calls on_text(std::string_view) for each text frame. False: the peer
  // has closed, or says with a frame that it does.
  template <typename OnText>
  bool read(OnText&& on_text);

  void hang_up();

  int socket() const { return socket_; }

 private:
  static constexpr std::size_t max_outgoing_bytes = std::size_t{4} << 20;
  // Shared by all clients: bytes are parsed where they were received, and only the beginning of a
  // frame whose end has not come is kept by its client.
  static std::array<char, 256 * 1024> buffer_;

  void on_ping();

  int socket_;
  std::string rest_;
  std::string outgoing_;
};

template <typename OnText>
bool Client::read(OnText&& on_text) {
  while (true) {
    const std::size_t kept = rest_.size();
    if (kept >= buffer_.size()) give_up("a frame is larger than the receive buffer");
    const std::size_t room = buffer_.size() - kept;
    const ssize_t count = ::recv(socket_, buffer_.data() + kept, room, MSG_DONTWAIT);
    if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
    std::memcpy(buffer_.data(), rest_.data(), kept);
    const std::string_view all{buffer_.data(), kept + static_cast<std::size_t>(count)};
    bool goodbye = false;
    const std::size_t taken = take_frames(all, [&](unsigned opcode, std::string_view payload) {
      if (opcode == opcode_text) on_text(payload);
      if (opcode == opcode_ping) on_ping();
      if (opcode == opcode_close) goodbye = true;
    });
    if (goodbye) return false;
    rest_.assign(all.substr(taken));
    if (static_cast<std::size_t>(count) < room) return true;
  }
}

// One HTTP POST on a connection of its own: sent at once, read later, so that many can be under
// way together.
class Post {
 public:
  Post(std::uint16_t port, std::string_view path, std::string_view body);
  ~Post();
  Post(Post&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
  Post& operator=(Post&&) = delete;

  std::string answer();  // blocks; the body

 private:
  int socket_;
};

}  // namespace starling::bench
