// The port to the servers beside this one for what is told but not kept: opaque lines, each heard
// by every other server that is connected at that moment, or by none. Never late: what cannot go
// out at once is dropped.
//
// What a line means is for who writes and reads it. Bytes that do not come from a server of the
// fleet (by their signature) never reach a reader.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::bus {

// Who says something. A server that starts again is another incarnation, and greater.
struct Origin {
  std::string server;  // the server's id, as /api/fleet shows it
  std::uint64_t incarnation = 0;

  bool operator==(const Origin&) const = default;
};

inline constexpr std::size_t max_line_bytes = 32 * 1024;

class LineReader {
 public:
  virtual ~LineReader() = default;
  // On the thread that reads the bus. `line` has no end of line, and lasts for the call. The lines
  // of one origin come in the order of their sending, some perhaps missing. Never one's own.
  virtual void on_line(const Origin& from, std::string_view line) = 0;
};

class LineTransport {
 public:
  virtual ~LineTransport() = default;
  // Any thread. `line` has 1 to max_line_bytes bytes and no end of line. False: it is dropped,
  // since the bus is away or more waits for it than it may.
  virtual bool publish(std::string line) = 0;
  // Any thread: whether this server hears the others, as far as it knows. While it does not,
  // silence says nothing about them.
  virtual bool up() const = 0;
};

}  // namespace starling::bus
