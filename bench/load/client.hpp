// A WebSocket client with as little of its own as possible: the load generator must not be what is
// measured. Non-blocking once it is set up; frames it sends are masked with zeros.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "frames.hpp"
#include "socket.hpp"

namespace starling::bench {

// Whom a client calls, and how it asks for the upgrade.
struct Address {
  std::uint16_t port;
  std::string path;
  std::string_view subprotocol;  // empty: none is asked for
};

class Client {
 public:
  // Connects and asks for the upgrade; gives up where nobody listens.
  Client(Address address, Origin origin);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // Another connection instead of the one before; false where nobody listens.
  bool open();

  bool upgraded() const { return upgraded_; }
  void finish_upgrade();  // blocks
  // Blocks until a frame that holds `part` has come, and drops the others before it.
  std::string await(std::string_view part);

  // Queues one frame; flush() gives the kernel what is queued. What the socket does not take at
  // once waits, up to a bound, for the next flush().
  void send(std::string_view payload, unsigned opcode = opcode_text);
  void flush();

  // Reads what is there and calls on_payload(std::string_view) for each frame of content. False:
  // the peer has closed, or says with a frame that it does.
  template <typename OnPayload>
  bool read(OnPayload&& on_payload);

  void hang_up();
  void reset();  // closes without the farewell that would keep its port for a minute

  int socket() const { return socket_; }

 private:
  static constexpr std::size_t max_outgoing_bytes = std::size_t{4} << 20;
  static constexpr std::size_t read_bytes = 256 * 1024;
  // Shared by all clients: bytes are parsed where they were received, and only the beginning of a
  // frame whose end has not come is kept by its client. Some servers make frames of megabytes.
  static std::array<char, std::size_t{16} << 20> buffer_;

  void on_ping();
  // Takes the answer to the upgrade off the front; false: it has not come whole.
  bool take_upgrade(std::string_view& bytes);

  Address address_;
  Origin origin_;
  int socket_ = -1;
  bool upgraded_ = false;
  std::string rest_;
  std::string outgoing_;
};

template <typename OnPayload>
bool Client::read(OnPayload&& on_payload) {
  while (true) {
    const std::size_t kept = rest_.size();
    if (kept >= buffer_.size()) give_up("a frame is larger than the receive buffer");
    const std::size_t room = std::min(read_bytes, buffer_.size() - kept);
    const ssize_t count = ::recv(socket_, buffer_.data() + kept, room, MSG_DONTWAIT);
    if (count <= 0) return count < 0 && (errno == EAGAIN || errno == EINTR);
    std::memcpy(buffer_.data(), rest_.data(), kept);
    std::string_view all{buffer_.data(), kept + static_cast<std::size_t>(count)};
    bool goodbye = false;
    if (upgraded_ || take_upgrade(all)) {
      const std::size_t taken = take_frames(all, [&](unsigned opcode, std::string_view payload) {
        if (opcode == opcode_text || opcode == opcode_binary) on_payload(payload);
        if (opcode == opcode_ping) on_ping();
        if (opcode == opcode_close) goodbye = true;
      });
      all.remove_prefix(taken);
    }
    if (goodbye) return false;
    rest_.assign(all);
    if (static_cast<std::size_t>(count) < room) return true;
  }
}

}  // namespace starling::bench
