// What this server and others tell each other of who is where, and who the others are.
//
// Other servers hear of changes once a second, and of everybody by digests: a few parts a second,
// so that a crowd costs each second the same. They are known to be alive by what they say; whoever
// was connected to one that fell silent is removed, a few at a time for the same reason.
#include <algorithm>
#include <chrono>
#include <utility>

#include "shard/core.hpp"
#include "starling/version.hpp"

namespace starling::shard {
namespace {

using chat::PresencePlace;
using std::chrono::seconds;

constexpr base::Duration digest_interval = seconds{5};
constexpr unsigned parts_per_tick = 16;                // of a digest
constexpr std::size_t removals_per_tick = 4'096;       // of a server that has ended
constexpr base::Duration all_are_heard = seconds{15};  // with all whom they have
constexpr unsigned online_at_once = 1'000;             // of a page of the archive

}  // namespace

// ---- saying ----------------------------------------------------------------------------------

// Whom this shard has, from `begin` on: as many as a part holds.
chat::PresenceDigest Core::digest_part(std::optional<PresencePlace> begin) const {
  chat::PresenceDigest part;
  part.from.shard = options_.index;
  // True: it is full, and ends where the next one begins.
  const auto add = [&](std::string_view room, const chat::LocalPresence& present,
                       chat::UserId first) {
    for (auto user = present.users().lower_bound(first); user != present.users().end(); ++user) {
      if (part.people.size() == chat::PresenceDigest::max_people) {
        part.end = PresencePlace{std::string{room}, *user};
        return true;
      }
      part.people.push_back({{std::string{room}, *user}, std::string{presence_.name_of(*user)}});
    }
    return false;
  };
  chat::UserId first = begin ? begin->user : 0;
  if (!begin || !begin->room.empty()) {
    auto entry = present_rooms_.lower_bound(begin ? std::string_view{begin->room} : "");
    for (; entry != present_rooms_.end(); ++entry) {
      const auto& [name, room] = *entry;
      if (add(name, room->present, begin && begin->room == name ? first : 0)) break;
    }
    first = 0;
  }
  if (!part.end) add({}, connected_here_, first);
  part.begin = std::move(begin);
  return part;
}

void Core::say_digest() {
  if (!digest_open_) {
    if (context_.now < next_digest_) return;
    digest_open_ = true;
    digest_at_.reset();
    next_digest_ = context_.now + digest_interval;
  }
  for (unsigned i = 0; i < parts_per_tick && digest_open_; ++i) {
    const chat::PresenceDigest part = digest_part(std::move(digest_at_));
    digest_at_ = part.end;
    digest_open_ = part.end.has_value();
    options_.bus->publish_elsewhere(part);
  }
}

// One shard says it for all.
void Core::say_what_i_am() {
  if (options_.index != 0) return;
  const api::FleetEntry self = fleet().front();
  options_.bus->publish_elsewhere(chat::ServerSignal{
      {}, self.address, self.version, self.started_at, self.connections, self.rooms, self.archive});
}

// ---- hearing ---------------------------------------------------------------------------------

// Whether what comes from there counts. Of this server everything does.
bool Core::believe(const chat::Origin& from) {
  return from.here() || fleet_.heard(from, context_.now, ended_);
}

void Core::hear(const chat::PresenceDelta& delta) {
  if (!believe(delta.from)) return;
  std::vector<chat::PresenceView::Change> changes;
  presence_.apply(delta, changes);
  for (const chat::PresenceView::Change& change : changes) {
    on_presence_change(change, Cause::elsewhere);
  }
}

void Core::hear(const chat::ServerSignal& server) {
  if (believe(server.from)) fleet_.heard(server);
}

// ---- once a second ---------------------------------------------------------------------------

void Core::tick_fleet() {
  fleet_.look(context_.now, options_.fleet->bus_up(), ended_);
  bury_the_silent();
  // In this order: a digest says how things are behind the changes.
  if (!untold_.empty()) {
    options_.bus->publish_elsewhere(
        chat::PresenceDelta{{options_.index, {}, 0}, std::exchange(untold_, {})});
  }
  say_digest();
  say_what_i_am();
  compare_online();
  std::erase_if(lately_told_, [this](const auto& told) { return told.second <= context_.now; });
}

// Servers that died together were buried by nobody: the archive still shows who was connected to
// them. Whoever has listened long enough to have heard of everybody puts that right, page by page.
void Core::compare_online() {
  if (!options_.fleet->bus_up()) {
    listening_since_ = {};
    online_compared_ = false;
    online_compared_up_to_ = 0;
    return;
  }
  if (listening_since_ == base::Instant{}) listening_since_ = context_.now;
  if (online_compared_ || context_.now - listening_since_ < all_are_heard) return;
  Call call;
  call.kind = Call::Kind::online;
  const chat::ListUsers list{true, online_at_once, online_compared_up_to_};
  online_compared_ = ask(chat::ReadRequest{list}, call);
}

void Core::on_online(const chat::Reply& reply) {
  const auto* listed = std::get_if<chat::UsersListed>(&reply);
  online_compared_ = listed && listed->users.size() < online_at_once;  // else more, or once more
  if (!listed) return;
  for (const chat::User& user : listed->users) {
    if (!presence_.contains({}, user.id)) keep_status(user.id);
  }
  if (!listed->users.empty()) online_compared_up_to_ = listed->users.back().id;
}

void Core::bury_the_silent() {
  std::vector<chat::PresenceView::Change> changes;
  std::erase_if(ended_, [&](const chat::FleetView::Ended& ended) {
    if (fleet_.alive(ended.server, ended.incarnation)) return true;  // it speaks again
    if (changes.size() >= removals_per_tick) return false;
    return presence_.end(ended.server, ended.incarnation, removals_per_tick, changes);
  });
  for (const chat::PresenceView::Change& change : changes) {
    on_presence_change(change, Cause::ended);
  }
}

// ---- showing ---------------------------------------------------------------------------------

std::vector<api::FleetEntry> Core::fleet() const {
  std::vector<api::FleetEntry> servers(1);
  api::FleetEntry& self = servers.front();
  self.server_id = options_.server_id;
  self.address = options_.address;
  self.version = version;
  self.started_at = options_.started_at;
  self.connections = connections();
  self.rooms = presence_.own_rooms();
  const bool bus = options_.fleet && !config_.bus.url.empty();
  self.bus = !bus ? "none" : options_.fleet->bus_up() ? "ok" : "away";
  self.archive = !options_.archive_healthy || options_.archive_healthy();
  for (const auto& [id, server] : fleet_.servers()) {
    servers.push_back(api::fleet_entry(id, server));
  }
  return servers;
}

}  // namespace starling::shard
