// Who takes part: rooms, and members that are connected to the server and have joined.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "client.hpp"
#include "dialect.hpp"
#include "ledger.hpp"
#include "options.hpp"

namespace starling::bench {

struct Member;

// What one sender says, and to whom. With --one-room the server has one room of them all.
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
  Member(Address address, Origin origin) : client(std::move(address), origin) {}

  Client client;
  Room* room = nullptr;
  std::size_t server = 0;  // of the servers' ports, by place
  std::string user;        // the server's number of it; empty where it knows no users
  Ledger ledger;
  std::vector<Ledger> ledgers;  // with --one-room instead: of each sender
  std::uint64_t seq = 0;        // the last that came; in mode resume only
  bool stalled = false;
  bool closed = false;  // by the server
};

// The addresses of both kinds stay the same.
struct Party {
  std::unique_ptr<Dialect> dialect;
  std::vector<Room> rooms;
  std::deque<Member> members;
};

// Nobody yet.
Party make_party(const Options& options);
// Blocks until the party has so many members; gives up where anybody cannot join.
void gather(const Options& options, Party& party, std::size_t members);

// `count` new users of the server on `port`, by their numbers.
std::vector<std::string> make_users(std::uint16_t port, std::size_t count);

// Where connection number `index` goes and comes from.
Address address_of(const Options& options, const Dialect& dialect, std::string_view room,
                   std::size_t index);
Origin origin_of(std::size_t index);

}  // namespace starling::bench
