// Presence: who is in which room, by user and not by connection.
//
// A user is in a room from the first of their connections to `grace` after the last. Each shard
// counts its own connections (LocalPresence) and tells the others by signals; each shard adds up
// what all shards say (RoomRoster). Both have an entry for each user and room, so an entry is one
// number; a name is kept once, whatever the number of rooms (Names). Pure: time is passed in.
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
  bool contains(UserId user) const { return here_.contains(user); }
  // Who is here, ascending, also in the grace time.
  std::vector<UserId> users() const { return {here_.begin(), here_.end()}; }
  bool empty() const { return here_.empty(); }

 private:
  // Of a user who has not one connection but several, or none any more.
  struct Unusual {
    unsigned connections = 1;
    base::Instant leaves_at{};  // meaningful while connections is 0
  };
  base::SortedSet<UserId> here_;  // also in the grace time
  std::unordered_map<UserId, Unusual> unusual_;
};

// Everybody in one room, whatever shard they are connected to. Belongs to its shard.
class RoomRoster {
 public:
  enum class Change : std::uint8_t { none, joined, left };
  // A shard (0 to 63) says that a user is, or is no longer, in the room.
  Change apply(std::uint16_t shard, UserId user, bool online);
  std::size_t size() const { return size_; }
  bool contains(UserId user) const;
  bool seen_elsewhere(UserId user, std::uint16_t shard) const;  // by another shard than that
  // At most `limit` user ids, ascending.
  std::vector<UserId> list(std::size_t limit) const;
  // Whom that shard has seen here, ascending.
  std::vector<UserId> of_shard(std::uint16_t shard) const;

 private:
  static constexpr unsigned shard_bits = 6;
  static_assert(max_id >> (64 - shard_bits) == 0);

  base::SortedSet<std::uint64_t> seen_;  // user << shard_bits | shard: who is seen where
  std::size_t size_ = 0;                 // different users in it
};

// The names of users. Belongs to its shard.
class Names {
 public:
  void set(UserId user, std::string_view name);
  void forget(UserId user) { names_.erase(user); }
  // Empty where none is known; valid until the user's name is set or forgotten.
  std::string_view of(UserId user) const;

 private:
  // A name that was taken over may have any character, zeros too.
  base::SortedMap<UserId, std::unique_ptr<char[]>> names_;  // its length in front
};

}  // namespace starling::chat
