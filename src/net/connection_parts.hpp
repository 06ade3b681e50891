// What a connection is made of while it is not idle. Known to connection*.cpp alone.
#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "net/connection.hpp"

namespace starling::net {

struct PrivateBytes {
  std::vector<Segment> segments;
  std::size_t bytes = 0;
  // The answer to the latest ping; one is enough however many came (RFC 6455, section 5.5.3).
  std::string pong;
  bool pong_due = false;
};

struct GatheredSend {
  std::array<Segment, max_segments_per_send> segments;
  std::array<iovec, max_segments_per_send> ranges;
  msghdr message{};
};

inline constexpr base::Duration park_after = std::chrono::seconds{5};       // of silence
inline constexpr base::Duration body_pace_after = std::chrono::seconds{5};  // it is judged then

struct Connection::Http {
  explicit Http(std::size_t max_body_bytes) : reader(max_body_bytes) {}

  std::unique_ptr<proto::ProxyHeaderReader> proxy_header;  // until it is whole
  proto::HttpReader reader;
  bool answering = false;  // the owner has the request
  bool head_only = false;
  base::Instant since{};  // the request's first byte, or its body's, or the wait for a PROXY header
  bool in_body = false;
  std::size_t body_bytes = 0;  // of what came behind the receive that brought the head

  // Whether a body comes more slowly than it must.
  bool dribbles(unsigned bytes_per_second, base::Duration elapsed) const {
    if (!in_body || elapsed < body_pace_after) return false;
    const double wanted = bytes_per_second * std::chrono::duration<double>(elapsed).count();
    return static_cast<double>(body_bytes) < wanted;
  }
};

}  // namespace starling::net
