// Signals: who is here, who types, what was read, which token ended.
//
// Every shard hears every signal, its own included, and tells the members that sit with it. What
// other servers say comes by fleet.cpp.
#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <optional>
#include <utility>
#include <variant>

#include "chat/revocation.hpp"
#include "shard/core.hpp"

namespace starling::shard {
namespace {

constexpr unsigned revocations_ticks = 10;        // between two readings of them all
constexpr unsigned departures_between_looks = 4;  // at the clock
constexpr base::Duration typing_on_its_way = std::chrono::seconds{2};  // before its end is lost

}  // namespace

using std::chrono::milliseconds;

void Core::on_signal(const chat::Signal& signal) {
  std::visit([this](const auto& content) { hear(content); }, signal);
}

void Core::hear(const chat::PresenceSignal& signal) {
  if (signal.from.shard == options_.index) return;  // known since announce()
  take(signal);
}

void Core::take(const chat::PresenceSignal& signal) {
  if (const auto change = presence_.apply(signal)) on_presence_change(*change, Cause::here);
  // Who left here while seen elsewhere may be leaving there at this moment.
  if (signal.room.empty() && !signal.online) note_told(signal.user);
}

// This shard knows of its own people at once, not by way of its inbox: whoever is told who is in a
// room has then been counted in that number, and counts the others that come from there.
void Core::announce(const std::string& room, chat::UserId user, const std::string& username,
                    bool online) {
  const chat::PresenceSignal signal{{options_.index, {}, 0}, room, user, username, online};
  take(signal);
  publish(signal);
  if (options_.fleet && untold_.size() < chat::PresenceDelta::max_changes) {
    untold_.push_back({room, user, username, online});
  }
}

void Core::hear(const chat::PresenceDigest& part) {
  if (!believe(part.from)) return;
  std::vector<chat::PresenceView::Change> changes;
  presence_.apply(part, changes);
  const Cause cause = part.from.here() ? Cause::here : Cause::elsewhere;
  for (const chat::PresenceView::Change& change : changes) on_presence_change(change, cause);
  if (part.from.here()) note_digest(part);
}

// What was lost is made up for when all parts have come, from the first to the last.
void Core::note_digest(const chat::PresenceDigest& part) {
  const auto reached = digests_reach_.find(part.from.shard);
  if (part.begin && (reached == digests_reach_.end() || reached->second != *part.begin)) return;
  if (part.end) {
    digests_reach_.insert_or_assign(part.from.shard, *part.end);
  } else {
    digests_reach_.erase(part.from.shard);
    digests_missing_ &= ~(std::uint64_t{1} << part.from.shard);
  }
}

// Another shard has lost signals: it is told whom this one has.
void Core::hear(const chat::PresenceWanted& wanted) {
  std::optional<chat::PresencePlace> begin;
  do {
    chat::PresenceDigest part = digest_part(std::move(begin));
    begin = part.end;
    options_.bus->send(wanted.shard, part);
  } while (begin);
}

void Core::on_presence_change(const chat::PresenceView::Change& change, Cause cause) {
  if (change.room.empty()) {
    // A server tells the archive of a user where the last word may have been its own, and all tell
    // it of those whose server has ended.
    if (cause != Cause::elsewhere || presence_.connected_here(change.user) ||
        lately_told_.contains(change.user)) {
      keep_status(change.user);
    }
    return;
  }
  Room* room = find_room(change.room);
  if (!room) return;
  const std::size_t count = presence_.count(change.room);
  if (count > config_.presence.events_max) {
    room->count_changed = true;
    return;
  }
  if (memory_.gives_up(chat::Service::names)) {
    withhold(*room, change);
    return;
  }
  tell_room(*room,
            change.online ? api::user_joined(room->name, change.user, change.username, count, wall_)
                          : api::user_left(room->name, change.user, change.username, count, wall_),
            change.user);
}

// The archive shows who is online. One shard tells it of each user, so that what is told last is
// what is so: shards hear of arrivals and departures in different orders.
void Core::keep_status(chat::UserId user) {
  if (user % shards_.size() != options_.index) return;
  Call call;
  call.kind = Call::Kind::status;
  call.user = user;
  const chat::SetStatus status{user, presence_.contains({}, user)};
  note_told(user);
  if (!ask(chat::WriteRequest{status}, call)) statuses_due_.push_back(user);
}

// Servers hear of a user's moves between them in different orders, and late: as long as this one
// may have told the archive what others see otherwise, it tells it again whenever it learns more.
void Core::note_told(chat::UserId user) {
  constexpr base::Duration until_all_have_heard = std::chrono::seconds{15};
  if (!options_.fleet || user % shards_.size() != options_.index) return;
  lately_told_.insert_or_assign(user, context_.now + until_all_have_heard);
}

void Core::on_status_reply(chat::UserId user, const chat::Reply& reply) {
  const auto* failure = std::get_if<chat::Failure>(&reply);
  if (failure && failure->code == chat::FailureCode::unavailable) statuses_due_.push_back(user);
}

void Core::on_signals_lost() {
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    if (shard != options_.index) digests_missing_ |= std::uint64_t{1} << shard;
  }
  digests_reach_.clear();
  revocations_missing_ = true;
}

// Once a second: what was lost or refused is asked for again.
void Core::retry_signals() {
  for (const chat::UserId user : std::exchange(statuses_due_, {})) keep_status(user);
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    if (digests_missing_ >> shard & 1) {
      options_.bus->send(static_cast<std::uint16_t>(shard), chat::PresenceWanted{options_.index});
    }
  }
  // The bus promises nothing, and an operator revokes by the archive alone.
  if (ticks_until_revocations_-- == 0) {
    ticks_until_revocations_ = revocations_ticks - 1;
    revocations_missing_ = true;
  }
  if (revocations_asked_.exchange(false, std::memory_order_relaxed)) revocations_missing_ = true;
  if (!revocations_missing_) return;
  Call call;
  call.kind = Call::Kind::revoked;
  revocations_missing_ = !ask(chat::ReadRequest{chat::ListRevocations{}}, call);
}

void Core::on_revocations(const chat::Reply& reply) {
  const auto* listed = std::get_if<chat::RevocationsListed>(&reply);
  if (!listed) {
    revocations_missing_ = true;
    return;
  }
  const auto known = std::exchange(revoked_users_, {});
  for (const chat::RevokeToken& token : listed->tokens) {
    if (keep_user_revocation(token) || revoked_.contains(token.token_id)) continue;
    hear(chat::RevokedSignal{token.token_id, token.expires});
  }
  for (const auto& [user, until] : revoked_users_) {
    const auto before = known.find(user);
    if (before == known.end() || before->second < until) end_sessions_of(user);
  }
}

// False: the end of one token.
bool Core::keep_user_revocation(const chat::RevokeToken& row) {
  const auto whole = chat::UserRevocation::of(row.token_id);
  if (!whole) return false;
  base::WallMs& until = revoked_users_[whole->user];
  until = std::max(until, whole->issued_until);
  return true;
}

// Whose token is newer comes back with it.
void Core::end_sessions_of(chat::UserId user) {
  if (config_.auth.mode == AuthMode::open) return;  // there the id is what counts
  clients_.for_each([&](base::Handle, Client& client) {
    if (client.session && client.session->user == user) {
      hang_up(*client.session, proto::CloseCode::token_ended, "tokens revoked");
    }
  });
}

// The word that it has ended may be lost, or its server end before it says so.
void Core::mark_shown_typing(Room& room, const chat::TypingSignal& signal) {
  if (!signal.typing) {
    room.shown_typing.erase(signal.user);
    return;
  }
  const base::Instant until =
      context_.now + milliseconds{config_.presence.typing_ms} + typing_on_its_way;
  room.shown_typing.insert_or_assign(signal.user, until);
  shown_typing_ends_.push_back({until, room.name, signal.user});
}

void Core::hear(const chat::TypingSignal& signal) {
  Room* room = find_room(signal.room);
  if (!room) return;
  // That somebody has stopped is told however many there are by now: they may be shown as typing.
  if (signal.typing && presence_.count(signal.room) > config_.presence.events_max) return;
  mark_shown_typing(*room, signal);
  tell_room(*room, api::typing(signal), signal.user);
}

void Core::hear(const chat::ReadSignal& signal) {
  for (auto entry = sessions_.lower_bound(signal.user);
       entry != sessions_.end() && (*entry)->user == signal.user; ++entry) {
    Session& session = **entry;
    if (session.id(options_.index) == signal.knowing_session) continue;
    if (session.dialect == chat::Dialect::v1) tell(session, api::read_update(signal, {}));
  }
}

// A read pointer is moved by a mark, by what its user says, and by a join that begins a membership,
// whether or not the socket that asked is still there.
void Core::note_read(const Call& call, const Session* session, const chat::Reply& reply) {
  const std::uint64_t knowing = session ? session->id(options_.index) : 0;
  if (const auto* marked = std::get_if<chat::ReadMarked>(&reply)) {
    reads_.push_back({knowing, marked->room, call.user, marked->seq, marked->head, marked->unread});
  } else if (const auto* posted = std::get_if<chat::MessagePosted>(&reply)) {
    if (posted->read == 0) return;
    reads_.push_back({knowing, posted->room, posted->event.sender, posted->read, posted->seq, 0});
  } else if (const auto* joined = std::get_if<chat::RoomJoined>(&reply)) {
    if (!joined->new_member) return;
    reads_.push_back({knowing, joined->room, call.user, joined->read, joined->head, 0});
  }
}

// Behind all signals of this turn: a socket that entered a room before the pointer moved has been
// announced by then. Most users have one socket, and cost nothing here.
void Core::tell_reads() {
  for (const chat::ReadSignal& read : reads_) {
    if (has_other_sockets(read.user, read.knowing_session)) publish(read);
  }
  reads_.clear();
}

bool Core::has_other_sockets(chat::UserId user, std::uint64_t session) const {
  // Who is where is not known for sure: they are told in vain rather than not.
  if (digests_missing_ != 0 || presence_.on_other_shards(user, options_.index)) return true;
  for (auto entry = sessions_.lower_bound(user); entry != sessions_.end() && (*entry)->user == user;
       ++entry) {
    if ((*entry)->id(options_.index) != session) return true;
  }
  return false;
}

void Core::hear(const chat::StatusSignal& signal) {
  const std::string json = api::user_status(signal, wall_);
  for (const std::string& name : presence_.rooms_of(signal.user)) {
    if (Room* room = find_room(name)) tell_room(*room, json, 0);
  }
}

void Core::hear(const chat::RevokedSignal& signal) {
  revoked_.insert_or_assign(signal.token_id, signal.expires);
  const std::uint64_t key = std::hash<std::string>{}(signal.token_id);
  clients_.for_each([&](base::Handle, Client& client) {
    if (client.session && client.session->user != 0 && client.session->token_key == key) {
      hang_up(*client.session, proto::CloseCode::token_ended, "token revoked");
    }
  });
}

void Core::arrive(Session& session, Room& room) {
  present_rooms_.insert({room.name, &room});
  if (!room.present.arrived(session.user)) return;
  announce(room.name, session.user, std::string{presence_.name_of(session.user)}, true);
}

void Core::depart(Session& session, Room& room) {
  const milliseconds grace{config_.presence.grace_ms};
  room.present.left(session.user, context_.now, grace);
  departures_.push_back({context_.now + grace, room.name, session.user});
}

void Core::appear(Session& session, std::string_view username) {
  sessions_.insert(&session);
  if (!connected_here_.arrived(session.user)) return;
  announce({}, session.user, std::string{username}, true);
}

void Core::disappear(Session& session) {
  sessions_.erase(&session);
  const milliseconds grace{config_.presence.grace_ms};
  connected_here_.left(session.user, context_.now, grace);
  departures_.push_back({context_.now + grace, {}, session.user});
}

// Of a room that ends at once each departure is told to all who are left: a few, and then as many
// as the turn has time for.
void Core::expire_departures() {
  for (unsigned count = 1; !departures_.empty() && departures_.front().at <= context_.now;
       ++count) {
    if (count % departures_between_looks == 0 && turn_is_old()) return;
    const Departure departure = std::move(departures_.front());
    departures_.pop_front();
    if (departure.room.empty()) {
      if (!connected_here_.expire(departure.user, context_.now)) continue;
    } else {
      Room* room = find_room(departure.room);
      if (!room || !room->present.expire(departure.user, context_.now)) continue;
      if (room->present.empty()) present_rooms_.erase(room->name);
    }
    announce(departure.room, departure.user, std::string{presence_.name_of(departure.user)}, false);
    if (!departure.room.empty()) maybe_abandoned_.push_back(departure.room);
  }
}

void Core::expire_typing() {
  const auto end = [this](Room& room, std::map<chat::UserId, base::Instant>& marks,
                          chat::UserId user) -> std::optional<chat::TypingSignal> {
    const auto mark = marks.find(user);
    if (mark == marks.end() || mark->second > context_.now) return std::nullopt;
    marks.erase(mark);
    return chat::TypingSignal{room.name, user, std::string{presence_.name_of(user)}, false};
  };
  while (!typing_ends_.empty() && typing_ends_.front().at <= context_.now) {
    const TypingEnd due = std::move(typing_ends_.front());
    typing_ends_.pop_front();
    Room* room = find_room(due.room);
    if (!room) continue;
    if (const auto signal = end(*room, room->typing, due.user)) publish(*signal);
    maybe_abandoned_.push_back(due.room);
  }
  while (!shown_typing_ends_.empty() && shown_typing_ends_.front().at <= context_.now) {
    const TypingEnd due = std::move(shown_typing_ends_.front());
    shown_typing_ends_.pop_front();
    Room* room = find_room(due.room);
    if (!room) continue;
    if (const auto signal = end(*room, room->shown_typing, due.user)) hear(*signal);
  }
}

void Core::tell_room(Room& room, std::string_view json, chat::UserId except) {
  for (const Seat& seat : room.seats) {
    if (seat.session->user != except) tell(*seat.session, json);
  }
}

// Those numbers stand in the room's wire buffer: who fell off it is told the newest one.
void Core::tell_presence_count(Session& session, const Room& room) {
  const std::size_t count = presence_.count(room.name);
  if (count > config_.presence.events_max) tell(session, api::presence_count(room.name, count));
}

// In large rooms a number takes the place of names, and goes to all alike.
void Core::send_presence_counts() {
  for (auto& [name, room] : rooms_) {
    if (!std::exchange(room.count_changed, false) || room.feed.holding()) continue;
    std::string frame;
    proto::append_frame(frame, proto::Opcode::text,
                        api::presence_count(name, presence_.count(name)));
    append(room, frame, room.feed.position(), room.feed.position());
  }
}

}  // namespace starling::shard
