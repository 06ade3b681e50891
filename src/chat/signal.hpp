// Signals: what is told but not kept (presence, typing, read pointers, revocations), between the
// shards of a server and between servers. Bounded, and dropped when late.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/time.hpp"
#include "chat/ids.hpp"

namespace starling::chat {

// Whose shard it is that says something.
struct Origin {
  std::uint16_t shard = 0;
  std::string server;             // its id; empty: this server
  std::uint64_t incarnation = 0;  // of another server: greater with each of its starts

  bool here() const { return server.empty(); }
};

struct PresenceSignal {  // the first connection of a user in a room of a shard came, the last went
  Origin from;
  std::string room;  // empty: connected at all, whatever the room
  UserId user = 0;
  std::string username;
  bool online = false;
};
// What a shard has to say of that to other servers since it last did, in order.
struct PresenceDelta {
  static constexpr std::size_t max_changes = 4'096;  // what is more comes by the digest
  struct Entry {
    std::string room;
    UserId user = 0;
    std::string username;
    bool online = false;
  };
  Origin from;
  std::vector<Entry> changes;
};
// Signals to this shard were lost: every shard of this server says again whom it has.
struct PresenceWanted {
  std::uint16_t shard = 0;  // to which they say it
};
// Where somebody stands in a digest: by room, then by user. Who is connected at all comes last.
struct PresencePlace {
  std::string room;
  UserId user = 0;

  bool operator==(const PresencePlace&) const = default;
  std::strong_ordering operator<=>(const PresencePlace& other) const {
    if (room.empty() != other.room.empty()) return room.empty() <=> other.room.empty();
    const auto by_room = room <=> other.room;
    return std::is_neq(by_room) ? by_room : user <=> other.user;
  }
};
// Whom a shard has from one place to another: these, and nobody else. Each part can be understood
// without the others, so that one which is lost costs nothing but its own range until the next.
struct PresenceDigest {
  static constexpr std::size_t max_people = 256;  // in one part
  struct Entry {
    PresencePlace place;
    std::string username;
  };
  Origin from;
  std::optional<PresencePlace> begin;  // nothing: from the very first
  std::optional<PresencePlace> end;    // not included; nothing: to the very last
  std::vector<Entry> people;           // in the order of their places
};
// What a server says of itself once a second, and by which it is known to be alive.
struct ServerSignal {
  Origin from;
  std::string address;
  std::string version;
  base::WallMs started_at = 0;
  std::uint64_t connections = 0;
  std::uint64_t rooms = 0;  // with members connected there
  bool archive = false;     // it can write
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

using Signal = std::variant<PresenceSignal, PresenceDelta, PresenceWanted, PresenceDigest,
                            ServerSignal, TypingSignal, ReadSignal, StatusSignal, RevokedSignal>;

// How a shard's signals reach every shard; implemented by src/bus. Any shard's thread. What one
// shard sends reaches each shard of this server in the order of sending; to other servers some of
// it may be lost.
class SignalBus {
 public:
  virtual ~SignalBus() = default;
  // To every shard of this server, the sender's own included, and to all other servers. A
  // PresenceSignal stays here: other servers are told by PresenceDelta.
  virtual void publish(const Signal& signal) = 0;
  virtual void send(std::uint16_t shard, const Signal& signal) = 0;  // to one shard of this server
  virtual void publish_elsewhere(const Signal& signal) = 0;          // to all other servers
};

// A shard's end of it; called from any thread.
class SignalInbox {
 public:
  virtual ~SignalInbox() = default;
  // False: full, the signal is lost and counted.
  virtual bool signal(const Signal& signal) = 0;
};

}  // namespace starling::chat
