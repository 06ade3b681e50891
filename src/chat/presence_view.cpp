#include "chat/presence_view.hpp"

#include <algorithm>
#include <utility>

namespace starling::chat {

std::optional<Source> PresenceView::source_of(const Origin& origin) {
  if (origin.here()) return origin.shard;
  auto key = std::tuple{origin.server, origin.incarnation, origin.shard};
  if (const auto known = sources_.find(key); known != sources_.end()) return known->second;
  Source source = next_source_;
  if (!free_sources_.empty()) {
    source = free_sources_.back();
    free_sources_.pop_back();
  } else if (next_source_ == max_sources) {
    return std::nullopt;
  } else {
    ++next_source_;
  }
  sources_.emplace(std::move(key), source);
  return source;
}

std::optional<PresenceView::Change> PresenceView::apply(const PresenceSignal& signal) {
  const std::optional<Source> source = source_of(signal.from);
  if (!source) return std::nullopt;
  return change(*source, signal.room, signal.user, signal.username, signal.online);
}

void PresenceView::apply(const PresenceDelta& delta, std::vector<Change>& changes) {
  const std::optional<Source> source = source_of(delta.from);
  if (!source) return;
  for (const PresenceDelta::Entry& entry : delta.changes) {
    auto made = change(*source, entry.room, entry.user, entry.username, entry.online);
    if (made) changes.push_back(std::move(*made));
  }
}

void PresenceView::apply(const PresenceDigest& part, std::vector<Change>& changes) {
  const std::optional<Source> source = source_of(part.from);
  if (!source) return;
  for (const auto& [place, username] : part.people) {
    if (auto arrival = change(*source, place.room, place.user, username, true)) {
      changes.push_back(std::move(*arrival));
    }
  }
  std::vector<Found> gone;
  const auto look = [&](const std::string& room, const RoomRoster& roster) {
    const UserId first = part.begin && part.begin->room == room ? part.begin->user : 0;
    const UserId last = part.end && part.end->room == room ? part.end->user - 1 : max_id;
    auto named = std::ranges::lower_bound(part.people, PresencePlace{room, first}, {},
                                          &PresenceDigest::Entry::place);
    roster.for_each(first, last, [&](UserId user, Source seen_by) {
      if (seen_by != *source) return;
      const PresencePlace place{room, user};
      while (named != part.people.end() && named->place < place) ++named;
      if (named == part.people.end() || named->place != place)
        gone.push_back({room, user, *source});
    });
  };
  const bool rooms = !part.begin || !part.begin->room.empty();
  if (rooms) {
    auto roster = rosters_.lower_bound(part.begin ? part.begin->room : std::string{});
    for (; roster != rosters_.end(); ++roster) {
      if (roster->first.empty()) continue;
      if (part.end && !part.end->room.empty() && roster->first > part.end->room) break;
      look(roster->first, roster->second);
    }
  }
  if (!part.end || part.end->room.empty()) {
    if (const auto fleet = rosters_.find(std::string_view{}); fleet != rosters_.end()) {
      look(fleet->first, fleet->second);
    }
  }
  leave(gone, changes);
}

bool PresenceView::end(std::string_view server, std::uint64_t incarnation, std::size_t limit,
                       std::vector<Change>& changes) {
  std::vector<bool> ended(max_sources);
  for (const auto& [key, source] : sources_) {
    const auto& [id, start, shard] = key;
    if (id == server && start <= incarnation) ended[source] = true;
  }
  std::vector<Found> gone;
  bool whole = true;
  const auto look = [&](const std::string& room, const RoomRoster& roster) {
    roster.for_each(0, max_id, [&](UserId user, Source source) {
      if (!ended[source]) return;
      if (gone.size() < limit) {
        gone.push_back({room, user, source});
      } else {
        whole = false;
      }
    });
  };
  for (const auto& [room, roster] : rosters_) {
    if (!room.empty() && whole) look(room, roster);
  }
  // Last: with it the name is forgotten.
  if (const auto fleet = rosters_.find(std::string_view{}); whole && fleet != rosters_.end()) {
    look(fleet->first, fleet->second);
  }
  leave(gone, changes);
  if (!whole) return false;
  std::erase_if(sources_, [&](const auto& entry) {
    if (!ended[entry.second]) return false;
    free_sources_.push_back(entry.second);
    return true;
  });
  return true;
}

void PresenceView::leave(const std::vector<Found>& gone, std::vector<Change>& changes) {
  for (const auto& [room, user, source] : gone) {
    const std::string username{name_of(user)};
    if (auto departure = change(source, room, user, username, false)) {
      changes.push_back(std::move(*departure));
    }
  }
}

std::optional<PresenceView::Change> PresenceView::change(Source source, std::string_view room,
                                                         UserId user, std::string_view username,
                                                         bool online) {
  auto place = rosters_.find(room);
  if (place == rosters_.end()) {
    if (!online) return std::nullopt;
    place = rosters_.try_emplace(std::string{room}).first;
  }
  RoomRoster& roster = place->second;
  const bool had_own = roster.has_own();
  const RoomRoster::Change result = roster.apply(source, user, online);
  if (!room.empty() && had_own != roster.has_own()) had_own ? --own_rooms_ : ++own_rooms_;
  if (result == RoomRoster::Change::none) return std::nullopt;
  if (result == RoomRoster::Change::fewer) {
    if (!room.empty() || source < own_sources || !roster.contains_own(user)) return std::nullopt;
    return Change{{}, user, std::string{name_of(user)}, true};
  }
  if (roster.size() == 0) rosters_.erase(place);
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

bool PresenceView::connected_here(UserId user) const {
  const auto place = rosters_.find(std::string_view{});
  return place != rosters_.end() && place->second.contains_own(user);
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

std::vector<std::string> PresenceView::rooms_of(UserId user) const {
  std::vector<std::string> rooms;
  for (const auto& [room, roster] : rosters_) {
    if (!room.empty() && roster.contains(user)) rooms.push_back(room);
  }
  return rooms;
}

}  // namespace starling::chat
