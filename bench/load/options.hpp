// What a run is asked to do.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace starling::bench {

inline constexpr unsigned max_connections = 100'000;
inline constexpr unsigned max_seconds = 1'200;
inline constexpr std::uint64_t max_messages = 50'000'000;

enum class Mode : std::uint8_t {
  idle,         // members that say nothing
  open,         // messages leave at a fixed rate, whatever the server does
  closed,       // a message leaves when an earlier one has reached everybody
  resume,       // open, while the server dies and comes back
  connect,      // clients that come, beside members that say nothing
  requests,     // HTTP
  environment,  // nothing is run: the build and the machine are told
};

struct Options {
  Mode mode = Mode::open;
  // Of the servers; members are dealt to them in turn.
  std::vector<std::uint16_t> ports{8080};
  std::vector<int> pids;
  std::string adapter = "starling";
  std::string path = "/{room}";  // raw; requests: what is asked for, empty: the mix
  unsigned rooms = 1;            // each has one sender: its first member
  bool one_room = false;         // for the server they are all the same room
  unsigned members = 1000;       // in each room
  unsigned stalled = 0;          // of the first room's members: these stop reading once they are in
  unsigned bytes = 100;          // of a message's content
  unsigned rate = 150;           // open, resume: messages a second in each room
  unsigned window = 10;          // closed: messages in flight in each room; connect, requests: so
                                 // many of them
  unsigned count = 1000;         // connect: how many come
  bool join = false;             // connect: they become members of the rooms, in turn
  bool leave = false;            // connect: each goes as soon as it is there
  unsigned seconds = 10;         // of sending
  unsigned settle_seconds = 2;   // between the last join and the first message
  unsigned drain_seconds = 10;   // how long what has not come is waited for
  std::uint64_t messages = max_messages;  // of all rooms together; sending ends there, too
  std::string command;                    // as it was called
};

// Exits by itself: with 0 after --help, with 64 where the arguments are wrong.
Options read_options(int argc, char** argv);

const char* to_string(Mode mode);

}  // namespace starling::bench
