// PresenceView: what one shard knows of everybody who is connected, whatever shard or server they
// are on.
//
// Each shard tells all shards of its arrivals and departures, and each adds them up here. What is
// told may be lost (queues are bounded, and the bus promises nothing), so every shard also says
// from time to time, or when it is asked, whom it has: digests. Who was thought to be on that shard
// and is not named in the range of a digest has left. A server that has fallen silent is ended as
// a whole. Pure; belongs to its shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "chat/ids.hpp"
#include "chat/presence.hpp"
#include "chat/signal.hpp"

namespace starling::chat {

class PresenceView {
 public:
  // A user came into a room or left it, for the fleet as a whole. Room "": the fleet itself, and it
  // is a change, too, if somebody who is connected to this server has left another one: that one
  // may have told the archive that they are gone.
  struct Change {
    std::string room;
    UserId user = 0;
    std::string username;
    bool online = false;
  };

  std::optional<Change> apply(const PresenceSignal& signal);
  // Append what turned out to have changed.
  void apply(const PresenceDelta& delta, std::vector<Change>& changes);
  void apply(const PresenceDigest& part, std::vector<Change>& changes);
  // Whom another server had is gone, as far as its incarnations up to that one are concerned: at
  // most `limit` of them now. True: nobody is left of it.
  bool end(std::string_view server, std::uint64_t incarnation, std::size_t limit,
           std::vector<Change>& changes);

  // ---- room "": the fleet
  std::size_t count(std::string_view room) const;
  bool contains(std::string_view room, UserId user) const;
  // Whether a user is connected to this server.
  bool connected_here(UserId user) const;
  // Whether another shard than that one of this server has connections of a user.
  bool on_other_shards(UserId user, std::uint16_t shard) const;
  // At most `limit` user ids, ascending.
  std::vector<UserId> list(std::string_view room, std::size_t limit) const;
  // Of somebody who is connected; else empty.
  std::string_view name_of(UserId user) const;
  // Rooms with people in them who are connected to this server.
  std::size_t own_rooms() const { return own_rooms_; }
  // The names of the rooms that a user is in.
  std::vector<std::string> rooms_of(UserId user) const;

 private:
  using Rosters = std::map<std::string, RoomRoster, std::less<>>;
  struct Found {
    std::string room;
    UserId user = 0;
    Source source = 0;
  };

  // Nothing: there are more shards in the fleet than can be told apart.
  std::optional<Source> source_of(const Origin& origin);
  std::optional<Change> change(Source source, std::string_view room, UserId user,
                               std::string_view username, bool online);
  void leave(const std::vector<Found>& gone, std::vector<Change>& changes);

  Rosters rosters_;
  Names names_;  // of everybody in rosters_[""]
  std::size_t own_rooms_ = 0;
  std::map<std::tuple<std::string, std::uint64_t, std::uint16_t>, Source> sources_;  // elsewhere
  std::vector<Source> free_sources_;  // that were used once
  Source next_source_ = own_sources;
};

}  // namespace starling::chat
