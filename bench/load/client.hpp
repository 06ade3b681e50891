// A WebSocket client with as little of its own as possible: the load generator must not be what is
// measured. Non-blocking, driven by epoll; frames it sends are masked with zeros.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace starling::bench {

class Client {
 public:
  using OnFrame = std::function<void(Client&, std::string_view payload)>;

  // Connects to 127.0.0.1 and upgrades, blocking. `source` is the last byte of a 127.0.0.x address
  // to connect from, so that one server port can have more than 28,000 peers. Ends the process
  // where that fails: a measurement with fewer clients would be another one.
  Client(std::uint16_t port, std::string_view subprotocol, int source);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void send(std::string_view text);
  // Reads what is there and hands on whole frames. False when the peer has closed.
  bool read(const OnFrame& on_frame);
  // Blocks until a frame that holds `part` has come; it is returned.
  std::string await(std::string_view part);

  int socket() const { return socket_; }

  std::uint64_t number = 0;

 private:
  void take_frames(const OnFrame& on_frame);  // whole ones in rest_
  void write(std::string_view bytes);

  int socket_;
  std::string rest_;  // the beginning of a frame whose end has not come
};

// One HTTP request to 127.0.0.1; the body of the answer.
std::string http_post(std::uint16_t port, std::string_view path, std::string_view body);

[[noreturn]] void give_up(const std::string& why);

}  // namespace starling::bench
