#include "chat/presence.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"

namespace starling::chat {

bool LocalPresence::arrived(UserId user) {
  if (here_.insert(user).second) return true;
  const auto place = unusual_.try_emplace(user).first;
  if (++place->second.connections == 1) unusual_.erase(place);
  return false;
}

void LocalPresence::left(UserId user, base::Instant now, base::Duration grace) {
  CHECK(here_.contains(user));
  const auto place = unusual_.try_emplace(user).first;
  CHECK(place->second.connections > 0);
  switch (--place->second.connections) {
    case 0:
      place->second.leaves_at = now + grace;
      break;
    case 1:
      unusual_.erase(place);
      break;
    default:
      break;
  }
}

bool LocalPresence::expire(UserId user, base::Instant now) {
  const auto place = unusual_.find(user);
  if (place == unusual_.end()) return false;
  if (place->second.connections > 0 || place->second.leaves_at > now) return false;
  unusual_.erase(place);
  here_.erase(user);
  return true;
}

RoomRoster::Change RoomRoster::apply(std::uint16_t shard, UserId user, bool online) {
  CHECK(shard >> shard_bits == 0);
  const std::uint64_t entry = user << shard_bits | shard;
  if (online) {
    const bool was_here = contains(user);
    seen_.insert(entry);
    if (was_here) return Change::none;
    ++size_;
    return Change::joined;
  }
  if (seen_.erase(entry) == 0 || contains(user)) return Change::none;
  --size_;
  return Change::left;
}

bool RoomRoster::contains(UserId user) const {
  const auto place = seen_.lower_bound(user << shard_bits);
  return place != seen_.end() && *place >> shard_bits == user;
}

bool RoomRoster::seen_elsewhere(UserId user, std::uint16_t shard) const {
  const std::uint64_t own = user << shard_bits | shard;
  auto place = seen_.lower_bound(user << shard_bits);
  if (place != seen_.end() && *place == own) ++place;
  return place != seen_.end() && *place >> shard_bits == user;
}

std::vector<UserId> RoomRoster::list(std::size_t limit) const {
  std::vector<UserId> users;
  users.reserve(std::min(limit, size_));
  for (const std::uint64_t entry : seen_) {
    const UserId user = entry >> shard_bits;
    if (!users.empty() && users.back() == user) continue;
    if (users.size() == limit) break;
    users.push_back(user);
  }
  return users;
}

std::vector<UserId> RoomRoster::of_shard(std::uint16_t shard) const {
  constexpr std::uint64_t shard_mask = (std::uint64_t{1} << shard_bits) - 1;
  std::vector<UserId> users;
  for (const std::uint64_t entry : seen_) {
    if ((entry & shard_mask) == shard) users.push_back(entry >> shard_bits);
  }
  return users;
}

void Names::set(UserId user, std::string_view name) {
  std::unique_ptr<char[]>& kept = names_[user];
  if (kept && name == of(user)) return;
  const auto size = static_cast<std::uint16_t>(std::min<std::size_t>(name.size(), UINT16_MAX));
  auto copy = std::make_unique<char[]>(sizeof size + size);
  std::memcpy(copy.get(), &size, sizeof size);
  name.copy(copy.get() + sizeof size, size);
  kept = std::move(copy);
}

std::string_view Names::of(UserId user) const {
  const auto place = names_.find(user);
  if (place == names_.end()) return {};
  std::uint16_t size = 0;
  std::memcpy(&size, place->second.get(), sizeof size);
  return {place->second.get() + sizeof size, size};
}

}  // namespace starling::chat
