// Signals: who is here, who types, what was read, which token ended.
//
// Every shard hears every signal, its own included, and tells the members that sit with it.
#include <chrono>
#include <functional>
#include <utility>
#include <variant>

#include "shard/core.hpp"

namespace starling::shard {

using std::chrono::milliseconds;

void Core::on_signal(const chat::Signal& signal) {
  std::visit([this](const auto& content) { hear(content); }, signal);
}

void Core::hear(const chat::PresenceSignal& signal) {
  if (signal.shard == options_.index) return;  // known since announce()
  if (const auto change = presence_.apply(signal)) on_presence_change(*change);
}

// This shard knows of its own people at once, not by way of its inbox: whoever is told who is in a
// room has then been counted in that number, and counts the others that come from there.
void Core::announce(const std::string& room, chat::UserId user, const std::string& username,
                    bool online) {
  const chat::PresenceSignal signal{options_.index, room, user, username, online};
  if (const auto change = presence_.apply(signal)) on_presence_change(*change);
  publish(signal);
}

void Core::hear(const chat::PresenceDigest& part) {
  std::vector<chat::PresenceView::Change> changes;
  if (presence_.apply(part, changes)) digests_missing_ &= ~(std::uint64_t{1} << part.shard);
  for (const chat::PresenceView::Change& change : changes) on_presence_change(change);
}

// Another shard has lost signals: it is told whom this one has.
void Core::hear(const chat::PresenceWanted& wanted) {
  chat::PresenceDigest part;
  part.shard = options_.index;
  const auto say = [&](const std::string& room, const chat::LocalPresence& present) {
    for (const chat::UserId user : present.users()) {
      if (part.people.size() == chat::PresenceDigest::max_people) {
        options_.bus->send(wanted.shard, part);
        ++part.number;
        part.people.clear();
      }
      part.people.push_back({room, user, std::string{presence_.name_of(user)}});
    }
  };
  say({}, connected_here_);
  for (const auto& [name, room] : rooms_) say(name, room.present);
  part.last = true;
  options_.bus->send(wanted.shard, part);
}

void Core::on_presence_change(const chat::PresenceView::Change& change) {
  if (change.room.empty()) {
    keep_status(change.user);
    return;
  }
  Room* room = find_room(change.room);
  if (!room) return;
  const std::size_t count = presence_.count(change.room);
  if (count > config_.presence.events_max) {
    room->count_changed = true;
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
  if (!ask(chat::WriteRequest{status}, call)) statuses_due_.push_back(user);
}

void Core::on_status_reply(chat::UserId user, const chat::Reply& reply) {
  const auto* failure = std::get_if<chat::Failure>(&reply);
  if (failure && failure->code == chat::FailureCode::unavailable) statuses_due_.push_back(user);
}

void Core::on_signals_lost() {
  for (std::size_t shard = 0; shard < shards_.size(); ++shard) {
    if (shard != options_.index) digests_missing_ |= std::uint64_t{1} << shard;
  }
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
  for (const chat::RevokeToken& token : listed->tokens) {
    if (!token_revoked(token.token_id)) hear(chat::RevokedSignal{token.token_id, token.expires});
  }
}

void Core::hear(const chat::TypingSignal& signal) {
  Room* room = find_room(signal.room);
  if (!room || presence_.count(signal.room) > config_.presence.events_max) return;
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

void Core::expire_departures() {
  while (!departures_.empty() && departures_.front().at <= context_.now) {
    const Departure departure = std::move(departures_.front());
    departures_.pop_front();
    if (departure.room.empty()) {
      if (!connected_here_.expire(departure.user, context_.now)) continue;
    } else {
      Room* room = find_room(departure.room);
      if (!room || !room->present.expire(departure.user, context_.now)) continue;
    }
    announce(departure.room, departure.user, std::string{presence_.name_of(departure.user)}, false);
    if (!departure.room.empty()) maybe_abandoned_.push_back(departure.room);
  }
}

void Core::expire_typing() {
  while (!typing_ends_.empty() && typing_ends_.front().at <= context_.now) {
    const TypingEnd end = std::move(typing_ends_.front());
    typing_ends_.pop_front();
    Room* room = find_room(end.room);
    if (!room) continue;
    const auto mark = room->typing.find(end.user);
    if (mark == room->typing.end() || mark->second > context_.now) continue;
    room->typing.erase(mark);
    publish(
        chat::TypingSignal{end.room, end.user, std::string{presence_.name_of(end.user)}, false});
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
