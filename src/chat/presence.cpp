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

RoomRoster::Change RoomRoster::apply(Source source, UserId user, bool online) {
  CHECK(source < max_sources);
  const std::uint64_t entry = user << source_bits | source;
  const bool own = source < own_sources;
  if (online) {
    const bool was_here = contains(user);
    if (seen_.insert(entry).second && own) ++own_;
    if (was_here) return Change::none;
    ++size_;
    return Change::joined;
  }
  if (seen_.erase(entry) == 0) return Change::none;
  if (own) --own_;
  if (contains(user)) return Change::fewer;
  --size_;
  return Change::left;
}

bool RoomRoster::contains(UserId user) const {
  const auto place = seen_.lower_bound(user << source_bits);
  return place != seen_.end() && *place >> source_bits == user;
}

bool RoomRoster::contains_own(UserId user) const {
  const auto place = seen_.lower_bound(user << source_bits);
  return place != seen_.end() && *place < (user << source_bits | own_sources);
}

bool RoomRoster::seen_elsewhere(UserId user, Source source) const {
  const std::uint64_t own = user << source_bits | source;
  auto place = seen_.lower_bound(user << source_bits);
  if (place != seen_.end() && *place == own) ++place;
  return place != seen_.end() && *place >> source_bits == user;
}

std::vector<UserId> RoomRoster::list(std::size_t limit) const {
  std::vector<UserId> users;
  users.reserve(std::min(limit, size_));
  for (const std::uint64_t entry : seen_) {
    const UserId user = entry >> source_bits;
    if (!users.empty() && users.back() == user) continue;
    if (users.size() == limit) break;
    users.push_back(user);
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
