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

RoomRoster::Change RoomRoster::apply(std::uint16_t shard, UserId user, std::string_view username,
                                     bool online) {
  CHECK(shard < 64);
  const std::uint64_t bit = std::uint64_t{1} << shard;
  const auto place = people_.find(user);
  if (online) {
    if (place != people_.end()) {
      place->second.shards |= bit;
      return Change::none;
    }
    people_.emplace(user, Person{std::string{username}, bit});
    return Change::joined;
  }
  if (place == people_.end()) return Change::none;
  place->second.shards &= ~bit;
  if (place->second.shards != 0) return Change::none;
  people_.erase(place);
  return Change::left;
}

std::string_view RoomRoster::name_of(UserId user) const {
  const auto place = people_.find(user);
  return place == people_.end() ? std::string_view{} : std::string_view{place->second.username};
}

std::vector<UserId> RoomRoster::list(std::size_t limit) const {
  std::vector<UserId> users;
  users.reserve(std::min(limit, people_.size()));
  for (const auto& [user, person] : people_) {
    if (users.size() == limit) break;
    users.push_back(user);
  }
  return users;
}

}  // namespace starling::chat
