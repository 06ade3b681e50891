// Presence: who is in which room, by user and not by connection.
//
// A user is in a room from the first of their connections to `grace` after the last. Each shard
// counts its own connections (LocalPresence) and tells the others by signals; each shard adds up
// what all shards say (RoomRoster). Both hold an entry for each user and room, so they hold nothing
// but numbers; a name is kept once, whatever the number of rooms (Names). Pure: time is passed in.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/sorted_map.hpp"
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
  bool contains(UserId user) const { return connections_.contains(user); }
  bool empty() const { return connections_.empty(); }

 private:
  base::SortedMap<UserId, std::uint32_t> connections_;    // 0: in the grace time
  std::unordered_map<UserId, base::Instant> grace_ends_;  // of those only
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

 private:
  base::SortedMap<UserId, std::uint64_t> people_;  // a bit for each shard that has seen them
};

// The names of users. Belongs to its shard.
class Names {
 public:
  void set(UserId user, std::string_view name);
  void forget(UserId user) { names_.erase(user); }
  // Empty where none is known; valid until the user's name is set or forgotten.
  std::string_view of(UserId user) const;

 private:
  base::SortedMap<UserId, std::unique_ptr<char[]>> names_;  // ends with a zero
};

}  // namespace starling::chat
