// Room and Session: what a shard keeps of a room with local members, and of a WebSocket client.
// Both live on the shard's thread. A session sits in its rooms by seats; a room's seats are dense,
// because a delivery walks over them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/slot_map.hpp"
#include "base/time.hpp"
#include "chat/command.hpp"
#include "chat/ids.hpp"
#include "chat/presence.hpp"
#include "chat/rate_limit.hpp"
#include "chat/room_feed.hpp"
#include "net/connection.hpp"
#include "shard/wire_buffer.hpp"

namespace starling::shard {

struct Session;

// A session's place in a room: how far it has been told what happened there.
struct Seat {
  Session* session = nullptr;
  std::uint64_t cursor = 0;  // into the room's wire buffer
  chat::Seq seen = 0;        // the last seq that was sent, or skipped with a gap
  chat::Seq pinned = 0;      // while catching up: pages reach to here, the cursor goes on behind it
  bool catching_up = false;  // pages from the archive come first; the cursor waits
  bool page_asked = false;   // the archive is asked for the next page
};

struct Room {
  std::string name;
  chat::RoomFeed feed;
  WireBuffer wire;
  std::vector<Seat> seats;
  std::size_t lagging = 0;      // seats whose cursor is not at the end
  std::size_t joining = 0;      // sessions that wait for the archive to let them in
  bool dirty = false;           // frames were appended in this turn
  bool filling = false;         // a hole is being read from the archive
  bool count_changed = false;   // presence_count is due
  chat::LocalPresence present;  // on this shard
  std::map<chat::UserId, base::Instant> typing;  // who is typing, and until when

  // Nobody here needs it any more.
  bool abandoned() const { return seats.empty() && joining == 0 && present.empty(); }
};

struct Session {
  enum class Stage : std::uint8_t {
    anonymous,  // has not said who it is
    opening,    // the archive is asked who that is
    ready,      // is somebody
    leaving,    // is being closed; hears and says nothing more
  };
  // A room and the index of the session's seat in it.
  struct Place {
    Room* room = nullptr;
    std::size_t seat = 0;
  };

  net::Connection* connection = nullptr;
  std::uint64_t id = 0;
  chat::Dialect dialect = chat::Dialect::compatible;
  Stage stage = Stage::anonymous;
  bool echo = false;         // test.echo: everything comes back, nothing is understood
  bool reading = true;       // false: the connection was told to pause
  bool welcome_due = false;  // v1: the first frame is still to be sent
  bool touched = false;      // has something to send at the end of this turn
  unsigned open_calls = 0;
  unsigned joining = 0;         // rooms it is about to enter
  std::size_t first_place = 0;  // where the next send begins, so that no room starves
  chat::UserId user = 0;
  std::string username;
  base::Instant opened_at{};
  std::uint64_t token_key = 0;     // of the token's id, to find the session of a revoked one
  base::WallMs token_expires = 0;  // 0: never
  std::unique_ptr<std::string> cookie_token;  // of the upgrade request, until `auth`
  chat::RateLimit rate;
  std::vector<Place> places;

  Place* place_in(std::string_view room) {
    for (Place& place : places) {
      if (place.room->name == room) return &place;
    }
    return nullptr;
  }
};

}  // namespace starling::shard
