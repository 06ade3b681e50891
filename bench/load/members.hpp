// Who takes part: rooms, and members that are connected to the server and have joined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "client.hpp"
#include "ledger.hpp"
#include "options.hpp"

namespace starling::bench {

struct Member;

struct Room {
  std::string name;
  Member* sender = nullptr;
  std::uint64_t sent = 0;     // messages 1 to `sent` have left
  std::uint64_t refused = 0;  // of them, by an `error` to the sender
  std::uint64_t readers = 0;  // members that are not stalled
  std::size_t mark_at = 0;    // where the last frame had its mark; nearly always the next one too

  // Closed loop only: how many readers miss each message from `oldest_open` to `sent`.
  std::uint64_t oldest_open = 1;
  std::vector<std::uint64_t> readers_missing;  // by number, modulo the window
};

struct Member {
  Member(std::uint16_t port, std::string_view subprotocol, Origin origin)
      : client(port, subprotocol, origin) {}

  Client client;
  Room* room = nullptr;
  Ledger ledger;
  bool stalled = false;
  bool closed = false;  // by the server
};

// The addresses of both kinds stay the same.
struct Party {
  std::vector<Room> rooms;
  std::deque<Member> members;
};

// Blocks until everybody has joined; gives up where anybody cannot.
Party gather(const Options& options);

// What takes a message of `content` to the server.
void say(const Options& options, Room& room, std::string_view content);

}  // namespace starling::bench
