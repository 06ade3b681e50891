// Presence: who is in which room, by user and not by connection.
//
// A user is in a room from the first of their connections to `grace` after the last. Each shard
// counts its own connections (LocalPresence) and tells the others by signals; each shard adds up
// what all shards say (RoomRoster). Pure: time is passed in.
#pragma once

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "base/time.hpp"
#include "chat/ids.hpp"

namespace starling::chat {

// The connections of this shard in one room, per user. Belongs to its shard.
class LocalPresence {
 public:
  // True: the user was not here before (not even in the grace time): tell the others.
  bool arrived(UserId user);
  // The last connection of a user starts the grace time, which ends at now + grace.
  void left(UserId user, base::Instant now, base::Duration grace);
  // True: the grace time of this user is over, they are no longer here: tell the others.
  bool expire(UserId user, base::Instant now);
  bool empty() const { return users_.empty(); }
  // Who is here, the grace time included.
  std::vector<UserId> users() const;

 private:
  struct Here {
    unsigned connections = 0;
    base::Instant leaves_at{};  // meaningful while connections is 0
  };
  std::unordered_map<UserId, Here> users_;
};

// Everybody in one room, whatever shard they are connected to. Belongs to its shard.
class RoomRoster {
 public:
  enum class Change : std::uint8_t { none, joined, left };
  // A shard (0 to 63) says that a user is, or is no longer, in the room.
  Change apply(std::uint16_t shard, UserId user, bool online);
  std::size_t size() const { return people_.size(); }
  bool contains(UserId user) const { return people_.contains(user); }
  // At most `limit` user ids, ascending.
  std::vector<UserId> list(std::size_t limit) const;
  // Whom that shard has seen here, ascending.
  std::vector<UserId> of_shard(std::uint16_t shard) const;

 private:
  std::map<UserId, std::uint64_t> people_;  // a bit for each shard that has seen them
};

}  // namespace starling::chat
