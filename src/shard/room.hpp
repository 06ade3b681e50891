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
#include "base/small_vector.hpp"
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
  chat::Seq pinned = 0;  // while catching up: pages reach to here, the cursor goes on behind it;
                         // below `seen`: the feed has still to come to where the member is
};
static_assert(sizeof(Seat) == 32);  // two to a cache line

struct Room {
  std::string name;
  chat::RoomFeed feed;
  WireBuffer wire;
  std::vector<Seat> seats;
  std::size_t lagging = 0;      // seats whose cursor is not at the end
  std::size_t joining = 0;      // sessions that wait for the archive to let them in
  unsigned posts_open = 0;      // messages from here that the archive has not answered
  base::Instant dirty_since{};  // when the first of the frames below was appended
  bool dirty = false;           // frames were appended that nobody was sent
  bool filling = false;         // a hole is being read from the archive
  bool checking = false;        // the archive is asked whether it lost what was delivered
  bool count_changed = false;   // presence_count is due
  bool outrun = false;          // a member waits until the feed has come to where it is
  chat::LocalPresence present;  // on this shard
  // Who came or went unannounced while memory was short, and by which name.
  std::unique_ptr<std::map<chat::UserId, std::string>> withheld;
  std::map<chat::UserId, base::Instant> typing;        // who is typing, and until when
  std::map<chat::UserId, base::Instant> shown_typing;  // whom its members were shown
  std::vector<base::Instant> received;  // when the messages among these frames were, from here

  // Nobody here needs it any more.
  bool abandoned() const {
    // Whoever typed here and went has still to be said to have stopped.
    return seats.empty() && joining == 0 && present.empty() && typing.empty();
  }
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
    std::uint32_t seat = 0;
    bool catching_up = false;  // pages from the archive come first; the seat's cursor waits
    bool page_asked = false;   // the archive is asked for the next page
  };

  net::Connection* connection = nullptr;
  chat::Dialect dialect = chat::Dialect::compatible;
  Stage stage = Stage::anonymous;
  bool echo = false;              // test.echo: everything comes back, nothing is understood
  bool reading = true;            // false: the connection was told to pause
  bool touched = false;           // has something to send at the end of this turn
  bool too_fast = false;          // its last frame was; it is put off like who is in no room
  std::uint16_t first_place = 0;  // where the next send begins, so that no room starves
  std::uint16_t open_calls = 0;
  std::uint16_t joining = 0;             // rooms it is about to enter
  std::uint8_t throttled_ticks = 0;      // until it counts as no longer refused for its rate
  std::uint8_t deflate_window_bits = 0;  // of the echo: 0: what it says is not compressed
  std::uint16_t refusals = 0;            // for its rate, since it was last not refused for a while
  chat::UserId user = 0;
  // When it is hung up: the time to say who it is, then the token's; max(): never.
  base::Instant ends_at = base::Instant::max();
  std::uint64_t token_key = 0;  // of the token's id, to find the session of a revoked one
  std::unique_ptr<std::string> cookie_token;  // of the upgrade request, until `auth`
  chat::RateLimit rate;
  base::SmallVector<Place, 1> places;

  // Unique among the sessions of all shards that are open.
  std::uint64_t id(std::uint16_t shard) const {
    const base::Handle handle = connection->handle();
    return std::uint64_t{shard} << 56 | std::uint64_t{handle.generation} << 32 | handle.slot;
  }
  Place* place_in(std::string_view room) {
    for (Place& place : places) {
      if (place.room->name == room) return &place;
    }
    return nullptr;
  }
};
// What an idle member costs beside its socket's net::Connection; 96 bytes of the allocator.
static_assert(sizeof(Session) <= 88);

// The order of a set of sessions in which those of one user stand together; by their slots, which
// are the same in each run of a simulation.
struct ByUser {
  using is_transparent = void;
  bool operator()(const Session* one, const Session* other) const {
    if (one->user != other->user) return one->user < other->user;
    return one->connection->handle().slot < other->connection->handle().slot;
  }
  bool operator()(const Session* session, chat::UserId user) const { return session->user < user; }
  bool operator()(chat::UserId user, const Session* session) const { return user < session->user; }
};

}  // namespace starling::shard
