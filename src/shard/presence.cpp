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
  using Change = chat::RoomRoster::Change;
  if (signal.room.empty()) {
    const Change change = connected_.apply(signal.shard, signal.user, signal.online);
    if (change == Change::joined) names_.set(signal.user, signal.username);
    if (change == Change::left) forget_if_gone(signal.user);
    // The shard that saw it first or last keeps the archive's picture true.
    if (change == Change::none || signal.shard != options_.index) return;
    static_cast<void>(ask(chat::WriteRequest{chat::SetStatus{signal.user, signal.online}}, {}));
    return;
  }
  Room* room = find_room(signal.room);
  if (!room) return;
  const Change change = room->roster.apply(signal.shard, signal.user, signal.online);
  if (!signal.online) maybe_abandoned_.push_back(signal.room);
  if (change == Change::none) return;
  const std::size_t count = room->roster.size();
  if (count > config_.presence.events_max) {
    room->count_changed = true;
    return;
  }
  tell_room(*room,
            change == Change::joined
                ? api::user_joined(room->name, signal.user, signal.username, count, wall_)
                : api::user_left(room->name, signal.user, signal.username, count, wall_),
            signal.user);
}

void Core::hear(const chat::TypingSignal& signal) {
  Room* room = find_room(signal.room);
  if (!room || room->roster.size() > config_.presence.events_max) return;
  tell_room(*room, api::typing(signal), signal.user);
}

void Core::hear(const chat::ReadSignal& signal) {
  for (auto entry = sessions_.lower_bound(signal.user);
       entry != sessions_.end() && (*entry)->user == signal.user; ++entry) {
    Session& session = **entry;
    if (session.id(options_.index) == signal.answered_session) continue;
    if (session.dialect == chat::Dialect::v1) tell(session, api::read_update(signal, {}));
  }
}

void Core::hear(const chat::StatusSignal& signal) {
  const std::string json = api::user_status(signal, wall_);
  for (auto& [name, room] : rooms_) {
    if (room.roster.contains(signal.user)) tell_room(room, json, 0);
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
  publish(chat::PresenceSignal{options_.index, room.name, session.user,
                               std::string{names_.of(session.user)}, true});
}

void Core::depart(Session& session, Room& room) {
  const milliseconds grace{config_.presence.grace_ms};
  room.present.left(session.user, context_.now, grace);
  departures_.push_back({context_.now + grace, room.name, session.user});
}

void Core::appear(Session& session, std::string_view username) {
  sessions_.insert(&session);
  names_.set(session.user, username);
  if (!connected_here_.arrived(session.user)) return;
  publish(chat::PresenceSignal{options_.index, {}, session.user, std::string{username}, true});
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
    publish(chat::PresenceSignal{options_.index, departure.room, departure.user,
                                 std::string{names_.of(departure.user)}, false});
    if (departure.room.empty()) forget_if_gone(departure.user);
  }
}

// A name is known while anybody says that its user is connected: this shard at once, all of them
// together once their signals have come.
void Core::forget_if_gone(chat::UserId user) {
  if (!connected_.contains(user) && !connected_here_.contains(user)) names_.forget(user);
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
    publish(chat::TypingSignal{end.room, end.user, std::string{names_.of(end.user)}, false});
  }
}

void Core::tell_room(Room& room, std::string_view json, chat::UserId except) {
  for (const Seat& seat : room.seats) {
    if (seat.session->user != except) tell(*seat.session, json);
  }
}

// In large rooms a number takes the place of names, and goes to all alike.
void Core::send_presence_counts() {
  for (auto& [name, room] : rooms_) {
    if (!std::exchange(room.count_changed, false) || room.feed.holding()) continue;
    std::string frame;
    proto::append_frame(frame, proto::Opcode::text,
                        api::presence_count(room.name, room.roster.size()));
    append(room, frame, room.feed.position(), room.feed.position());
  }
}

}  // namespace starling::shard
