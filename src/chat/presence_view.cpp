#include "chat/presence_view.hpp"

#include <algorithm>
#include <utility>

namespace starling::chat {

std::optional<PresenceView::Change> PresenceView::apply(const PresenceSignal& signal) {
  return change(signal.shard, signal.room, signal.user, signal.username, signal.online);
}

bool PresenceView::apply(const PresenceDigest& part, std::vector<Change>& changes) {
  for (const PresenceDigest::Entry& entry : part.people) {
    if (auto arrival = change(part.shard, entry.room, entry.user, entry.username, true)) {
      changes.push_back(std::move(*arrival));
    }
  }
  if (part.number == 0) digests_.erase(part.shard);
  Digest& digest = digests_[part.shard];
  if (part.number != digest.parts) return false;
  ++digest.parts;
  for (const PresenceDigest::Entry& entry : part.people) {
    digest.named[entry.room].push_back(entry.user);
  }
  if (!part.last) return false;
  for (auto& [room, users] : digest.named) std::ranges::sort(users);
  std::vector<std::pair<std::string, UserId>> gone;
  for (const auto& [room, roster] : rosters_) {
    const std::vector<UserId>& named = digest.named[room];
    for (const UserId user : roster.of_shard(part.shard)) {
      if (!std::ranges::binary_search(named, user)) gone.emplace_back(room, user);
    }
  }
  digests_.erase(part.shard);
  // The server itself (room "") comes last: with it the name is forgotten.
  for (auto place = gone.rbegin(); place != gone.rend(); ++place) {
    const auto& [room, user] = *place;
    const std::string username{name_of(user)};
    if (auto departure = change(part.shard, room, user, username, false)) {
      changes.push_back(std::move(*departure));
    }
  }
  return true;
}

std::optional<PresenceView::Change> PresenceView::change(std::uint16_t shard, std::string_view room,
                                                         UserId user, std::string_view username,
                                                         bool online) {
  auto place = rosters_.find(room);
  if (place == rosters_.end()) {
    if (!online) return std::nullopt;
    place = rosters_.try_emplace(std::string{room}).first;
  }
  const RoomRoster::Change result = place->second.apply(shard, user, online);
  if (place->second.size() == 0) rosters_.erase(place);
  if (result == RoomRoster::Change::none) return std::nullopt;
  if (room.empty()) {
    if (online) {
      names_.set(user, username);
    } else {
      names_.forget(user);
    }
  }
  return Change{std::string{room}, user, std::string{username}, online};
}

std::size_t PresenceView::count(std::string_view room) const {
  const auto place = rosters_.find(room);
  return place == rosters_.end() ? 0 : place->second.size();
}

bool PresenceView::contains(std::string_view room, UserId user) const {
  const auto place = rosters_.find(room);
  return place != rosters_.end() && place->second.contains(user);
}

bool PresenceView::on_other_shards(UserId user, std::uint16_t shard) const {
  const auto place = rosters_.find(std::string_view{});
  return place != rosters_.end() && place->second.seen_elsewhere(user, shard);
}

std::vector<UserId> PresenceView::list(std::string_view room, std::size_t limit) const {
  const auto place = rosters_.find(room);
  return place == rosters_.end() ? std::vector<UserId>{} : place->second.list(limit);
}

std::string_view PresenceView::name_of(UserId user) const { return names_.of(user); }

std::size_t PresenceView::rooms() const {
  return rosters_.size() - (rosters_.contains(std::string_view{}) ? 1 : 0);
}

std::vector<std::string> PresenceView::rooms_of(UserId user) const {
  std::vector<std::string> rooms;
  for (const auto& [room, roster] : rosters_) {
    if (!room.empty() && roster.contains(user)) rooms.push_back(room);
  }
  return rooms;
}

}  // namespace starling::chat
