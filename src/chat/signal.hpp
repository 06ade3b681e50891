// Signals: what is told but not kept (presence, typing, read pointers, revocations), between the
// shards of a server and later between servers. Bounded, and dropped when late.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "chat/ids.hpp"

namespace starling::chat {

struct PresenceSignal {  // the first connection of a user in a room of a shard came, the last went
  std::uint16_t shard = 0;
  std::string room;  // empty: connected at all, whatever the room
  UserId user = 0;
  std::string username;
  bool online = false;
};
// Signals to this shard were lost: every shard says again whom it has.
struct PresenceWanted {
  std::uint16_t shard = 0;  // to which they say it
};
// A part of all whom a shard has, in rooms and (room empty) connected at all.
struct PresenceDigest {
  static constexpr std::size_t max_people = 256;  // in one part
  struct Entry {
    std::string room;
    UserId user = 0;
    std::string username;
  };
  std::uint16_t shard = 0;
  unsigned number = 0;  // of this part, from 0
  bool last = false;
  std::vector<Entry> people;
};
struct TypingSignal {
  std::string room;
  UserId user = 0;
  std::string username;
  bool typing = false;
};
// How far a user has read moved: to all their sockets but the one that knows it already.
struct ReadSignal {
  std::uint64_t knowing_session = 0;  // 0: none
  std::string room;
  UserId user = 0;
  Seq seq = 0;
  Seq head = 0;              // of the room when that was
  std::uint64_t unread = 0;  // messages behind `seq`, up to `head`
};
struct StatusSignal {  // a user's status was set
  UserId user = 0;
  std::string username;
  bool online = false;
  base::WallMs last_seen_at = 0;
};
struct RevokedSignal {  // a token's sockets are closed
  std::string token_id;
  base::WallMs expires = 0;
};

using Signal = std::variant<PresenceSignal, PresenceWanted, PresenceDigest, TypingSignal,
                            ReadSignal, StatusSignal, RevokedSignal>;

// How a shard's signals reach every shard, its own included; implemented by src/bus.
class SignalBus {
 public:
  virtual ~SignalBus() = default;
  // Any shard's thread. The signals of one shard reach each shard in the order of their sending.
  virtual void publish(const Signal& signal) = 0;
  virtual void send(std::uint16_t shard, const Signal& signal) = 0;  // to one shard only
};

// A shard's end of it; called from any thread.
class SignalInbox {
 public:
  virtual ~SignalInbox() = default;
  // False: full, the signal is lost and counted.
  virtual bool signal(const Signal& signal) = 0;
};

}  // namespace starling::chat
