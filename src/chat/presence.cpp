#include "chat/presence.hpp"

#include <algorithm>
#include <utility>

#include "base/check.hpp"

namespace starling::chat {

bool LocalPresence::arrived(UserId user) {
  const auto [place, is_new] = connections_.try_emplace(user);
  if (++place->second == 1 && !is_new) grace_ends_.erase(user);
  return is_new;
}

void LocalPresence::left(UserId user, base::Instant now, base::Duration grace) {
  const auto place = connections_.find(user);
  CHECK(place != connections_.end() && place->second > 0);
  if (--place->second == 0) grace_ends_.emplace(user, now + grace);
}

bool LocalPresence::expire(UserId user, base::Instant now) {
  const auto end = grace_ends_.find(user);
  if (end == grace_ends_.end() || end->second > now) return false;
  grace_ends_.erase(end);
  connections_.erase(user);
  return true;
}

RoomRoster::Change RoomRoster::apply(std::uint16_t shard, UserId user, bool online) {
  CHECK(shard < 64);
  const std::uint64_t bit = std::uint64_t{1} << shard;
  if (online) {
    const auto [place, is_new] = people_.try_emplace(user);
    place->second |= bit;
    return is_new ? Change::joined : Change::none;
  }
  const auto place = people_.find(user);
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

void Names::set(UserId user, std::string_view name) {
  std::unique_ptr<char[]>& kept = names_[user];
  if (kept && name == kept.get()) return;
  auto copy = std::make_unique<char[]>(name.size() + 1);
  name.copy(copy.get(), name.size());
  kept = std::move(copy);
}

std::string_view Names::of(UserId user) const {
  const auto place = names_.find(user);
  return place == names_.end() ? std::string_view{} : std::string_view{place->second.get()};
}

}  // namespace starling::chat
