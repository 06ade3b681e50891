#include "chat/presence.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace starling::chat {

bool LocalPresence::arrived(UserId user) {
  const auto [place, is_new] = users_.try_emplace(user);
  ++place->second.connections;
  return is_new;
}

void LocalPresence::left(UserId user, base::Instant now, base::Duration grace) {
  const auto place = users_.find(user);
  CHECK(place != users_.end() && place->second.connections > 0);
  if (--place->second.connections == 0) place->second.leaves_at = now + grace;
}

bool LocalPresence::expire(UserId user, base::Instant now) {
  const auto place = users_.find(user);
  if (place == users_.end()) return false;
  if (place->second.connections > 0 || place->second.leaves_at > now) return false;
  users_.erase(place);
  return true;
}

std::vector<UserId> LocalPresence::users() const {
  std::vector<UserId> users;
  users.reserve(users_.size());
  for (const auto& [user, here] : users_) users.push_back(user);
  return users;
}

RoomRoster::Change RoomRoster::apply(std::uint16_t shard, UserId user, bool online) {
  CHECK(shard < 64);
  const std::uint64_t bit = std::uint64_t{1} << shard;
  const auto place = people_.find(user);
  if (online) {
    if (place != people_.end()) {
      place->second |= bit;
      return Change::none;
    }
    people_.emplace(user, bit);
    return Change::joined;
  }
  if (place == people_.end()) return Change::none;
  place->second &= ~bit;
  if (place->second != 0) return Change::none;
  people_.erase(place);
  return Change::left;
}

std::vector<UserId> RoomRoster::list(std::size_t limit) const {
  std::vector<UserId> users;
  users.reserve(std::min(limit, people_.size()));
  for (const auto& [user, shards] : people_) {
    if (users.size() == limit) break;
    users.push_back(user);
  }
  return users;
}

std::vector<UserId> RoomRoster::of_shard(std::uint16_t shard) const {
  std::vector<UserId> users;
  for (const auto& [user, shards] : people_) {
    if (shards >> shard & 1) users.push_back(user);
  }
  return users;
}

}  // namespace starling::chat
