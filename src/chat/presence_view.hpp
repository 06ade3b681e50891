// PresenceView: what one shard knows of everybody who is connected, whatever shard they are on.
//
// Each shard tells all shards of its arrivals and departures by signals, and each adds them up
// here. Signals may be lost (their queues are bounded); a shard that has lost some asks for
// digests, in which every shard says whom it has. A digest counts as a whole: who was thought to be
// on that shard and is not named in it has left. Pure; belongs to its shard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/ids.hpp"
#include "chat/presence.hpp"
#include "chat/signal.hpp"

namespace starling::chat {

class PresenceView {
 public:
  // A user came into a room or left it, for the server as a whole. Room "": the server itself.
  struct Change {
    std::string room;
    UserId user = 0;
    std::string username;
    bool online = false;
  };

  std::optional<Change> apply(const PresenceSignal& signal);
  // Appends what turned out to have changed; departures with the last part of a digest. True: with
  // this part the digest is whole. One that lost a part never is, and names no departures.
  bool apply(const PresenceDigest& part, std::vector<Change>& changes);

  // ---- room "": the server
  std::size_t count(std::string_view room) const;
  bool contains(std::string_view room, UserId user) const;
  // Whether another shard than that has connections of a user.
  bool on_other_shards(UserId user, std::uint16_t shard) const;
  // At most `limit` user ids, ascending.
  std::vector<UserId> list(std::string_view room, std::size_t limit) const;
  // Of somebody who is connected; else empty.
  std::string_view name_of(UserId user) const;
  // Rooms with people in them.
  std::size_t rooms() const;
  // The names of the rooms that a user is in.
  std::vector<std::string> rooms_of(UserId user) const;

 private:
  std::optional<Change> change(std::uint16_t shard, std::string_view room, UserId user,
                               std::string_view username, bool online);

  std::map<std::string, RoomRoster, std::less<>> rosters_;
  Names names_;  // of everybody in rosters_[""]
  // A digest that is under way: what it has named so far.
  struct Digest {
    unsigned parts = 0;
    std::map<std::string, std::vector<UserId>, std::less<>> named;
  };
  std::map<std::uint16_t, Digest> digests_;  // by the shard that sends it
};

}  // namespace starling::chat
