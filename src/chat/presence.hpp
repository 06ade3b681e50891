// Presence: who is in which room, by user and not by connection.
//
// A user is in a room from the first of their connections to `grace` after the last. Each shard
// counts its own connections (LocalPresence) and tells the others by signals; each shard adds up
// what all shards of all servers say (RoomRoster). Both have an entry for each user and room, so an
// entry is one number; a name is kept once, whatever the number of rooms (Names). Pure: time is
// passed in.
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
  const base::SortedSet<UserId>& users() const { return here_; }
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

// Who says that somebody is here: a shard of this server (its index), or one of another server.
using Source = std::uint16_t;
inline constexpr Source own_sources = 64;
inline constexpr Source max_sources = 2'048;  // all servers' shards together

// Everybody in one room, whatever shard they are connected to. Belongs to its shard.
class RoomRoster {
 public:
  enum class Change : std::uint8_t {
    none,
    joined,
    left,
    fewer,  // left one source, and is still seen by another
  };
  // A source says that a user is, or is no longer, in the room.
  Change apply(Source source, UserId user, bool online);
  std::size_t size() const { return size_; }
  bool has_own() const { return own_ > 0; }  // people who are connected to this server
  bool contains(UserId user) const;
  bool contains_own(UserId user) const;                   // connected to this server
  bool seen_elsewhere(UserId user, Source source) const;  // by another source than that
  // At most `limit` user ids, ascending.
  std::vector<UserId> list(std::size_t limit) const;
  // Calls visit(UserId, Source) for everybody from `first` to `last`, ascending.
  template <typename Visit>
  void for_each(UserId first, UserId last, Visit&& visit) const {
    for (auto place = seen_.lower_bound(first << source_bits); place != seen_.end(); ++place) {
      const UserId user = *place >> source_bits;
      if (user > last) return;
      visit(user, static_cast<Source>(*place & (max_sources - 1)));
    }
  }

 private:
  static constexpr unsigned source_bits = 11;
  static_assert(max_sources == 1u << source_bits && max_id >> (64 - source_bits) == 0);

  base::SortedSet<std::uint64_t> seen_;  // user << source_bits | source: who is seen where
  std::size_t size_ = 0;                 // different users in it
  std::size_t own_ = 0;                  // of seen_, by own sources
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
