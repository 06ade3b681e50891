// What a run is asked to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace starling::bench {

inline constexpr unsigned max_connections = 100'000;
inline constexpr unsigned max_seconds = 600;
inline constexpr std::uint64_t max_messages = 50'000'000;

enum class Mode : std::uint8_t {
  idle,    // members that say nothing
  open,    // messages leave at a fixed rate, whatever the server does
  closed,  // a message leaves when an earlier one has reached everybody
};

struct Options {
  Mode mode = Mode::open;
  std::uint16_t port = 8080;
  int pid = 0;                  // the server's
  bool raw = false;             // a server that sends every text frame to all its clients
  unsigned rooms = 1;           // each has one sender: its first member
  unsigned members = 1000;      // in each room
  unsigned stalled = 0;         // of the first room's members: these stop reading once they are in
  unsigned bytes = 100;         // of a message's content
  unsigned rate = 150;          // open: messages a second in each room
  unsigned window = 10;         // closed: messages in flight in each room
  unsigned seconds = 10;        // of sending
  unsigned settle_seconds = 2;  // between the last join and the first message
  unsigned drain_seconds = 10;  // how long what has not come is waited for
  std::uint64_t messages = max_messages;  // of all rooms together; sending ends there, too
  std::string command;                    // as it was called
};

// Exits by itself: with 0 after --help, with 64 where the arguments are wrong.
Options read_options(int argc, char** argv);

const char* to_string(Mode mode);

}  // namespace starling::bench
