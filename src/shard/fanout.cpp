// From the rooms' wire buffers to the sockets: at the end of a turn, one send for each connection
// that has something pending.
#include <algorithm>
#include <utility>

#include "base/check.hpp"
#include "shard/core.hpp"

namespace starling::shard {

void Core::on_writable(net::Connection& connection) {
  auto* session = static_cast<Session*>(connection.owner_data);
  if (!session || session->stage == Session::Stage::leaving || session->echo) {
    connection.flush();
    if (session && !session->reading && !connection.private_pending()) {
      maybe_resume_reading(*session);
    }
    return;
  }
  for (std::size_t i = 0; i < session->places.size(); ++i) {
    Room& room = *session->places[i].room;
    if (session->places[i].catching_up) continue_catch_up(*session, room);
  }
  send_pending(*session);
}

void Core::on_closing(net::Connection& connection) {
  if (auto* session = static_cast<Session*>(connection.owner_data)) {
    session->stage = Session::Stage::leaving;
    leaving_.push_back(connection.handle());
  }
}

void Core::on_closed(net::Connection& connection) { closed_.push_back(connection.handle()); }

void Core::touch(Session& session) {
  if (session.touched) return;
  session.touched = true;
  touched_.push_back(session.connection->handle());
}

// A send costs nearly the same whether it carries one frame or fifty. So while more messages of the
// room are about to be committed, those that are wait for them, for `longest_hold` at most. Nobody
// waits where nothing more is coming.
bool Core::held(const Room& room) const {
  return room.posts_open > 0 && !draining_ &&
         context_.now - room.dirty_since < options_.longest_hold;
}

// What is for the session alone, mostly the answer to its own message, goes with what is held.
bool Core::in_held_room(const Session& session) const {
  return std::ranges::any_of(session.places,
                             [](const Session::Place& place) { return place.room->dirty; });
}

// Whether or not its sender is still here. A message's own answer comes behind the batch that it
// was committed with.
void Core::close_post(const Call& call, const chat::Reply& reply) {
  Room* const room = find_room(call.room);
  // Of a room that was left and entered meanwhile, some are not counted.
  if (room && room->posts_open > 0) --room->posts_open;
  const auto* posted = std::get_if<chat::MessagePosted>(&reply);
  if (!posted) return;
  quotas_.note(*posted, context_.now);
  if (posted->duplicate) return;
  (room && room->dirty ? room->received : delivered_).push_back(call.received_at);
}

void Core::flush() {
  for (Room* room : std::exchange(dirty_rooms_, {})) {
    if (held(*room)) {
      dirty_rooms_.push_back(room);
    } else {
      flush(*room);
    }
  }
  for (const base::Handle handle : std::exchange(touched_, {})) {
    Client* client = clients_.find(handle);
    if (!client || !client->session) continue;
    Session& session = *client->session;
    if (session.stage != Session::Stage::leaving && in_held_room(session)) {
      touched_.push_back(handle);
      continue;
    }
    session.touched = false;
    if (client->connection.can_send()) send_pending(session);
  }
  if (budget_.exhausted()) relieve();
}

void Core::flush(Room& room) {
  room.dirty = false;
  delivered_.insert(delivered_.end(), room.received.begin(), room.received.end());
  room.received.clear();
  if (std::exchange(room.outrun, false)) feed_came_up(room);
  for (std::size_t i = 0; i < room.seats.size(); ++i) {
    Session& session = *room.seats[i].session;
    if (session.connection->can_send()) send_pending(session);
  }
  // Only now, so that nobody who keeps up loses what came in this turn.
  room.wire.trim(config_.limits.room_buffer_bytes);
}

// More waits to be sent than this shard may hold. Readers that lag lose what their rooms keep for
// them, and will be told. What is left then is in flight or private, and kept by those who do not
// read: they are cut off.
void Core::relieve() {
  forget_backlogs();
  if (budget_.exhausted()) cut_off_stuck();
}

void Core::forget_backlogs() {
  for (auto& [name, room] : rooms_) room.wire.clear();
}

void Core::cut_off_stuck() {
  clients_.for_each([this](base::Handle, Client& client) {
    if (client.connection.stuck_for() < stuck_too_long) return;
    ++counts_.slow_readers;
    client.connection.abort(net::Ending::stalled);
  });
}

// One send of what is pending for a session: its private bytes, then a range of each room, starting
// with another room every time.
void Core::send_pending(Session& session) {
  net::Connection& connection = *session.connection;
  if (session.stage == Session::Stage::leaving) {
    connection.flush();
    return;
  }
  struct Step {
    Room* room;
    Seat* seat;
    std::uint64_t cursor;
    chat::Seq seen;
  };
  std::array<Step, net::max_segments_per_send> steps;
  std::size_t count = 0;
  std::size_t bytes = connection.private_bytes();
  segments_.clear();

  const std::size_t places = session.places.size();
  for (std::size_t i = 0; i < places; ++i) {
    const Session::Place& place = session.places[(session.first_place + i) % places];
    Room& room = *place.room;
    Seat& seat = room.seats[place.seat];
    if (place.catching_up || room.dirty || seat.cursor == room.wire.end()) continue;
    if (seat.cursor < room.wire.begin() && !fell_off(session, room, seat)) return;
    std::uint64_t cursor = seat.cursor;
    while (cursor < room.wire.end() && count < steps.size() && bytes < net::max_bytes_per_send) {
      WireBuffer::Range range = room.wire.range_from(cursor);
      cursor = range.end;
      bytes += range.segment.size;
      segments_.push_back(std::move(range.segment));
      steps[count++] = {&room, &seat, cursor, range.seen};
    }
  }
  if (places > 1)
    session.first_place = static_cast<std::uint16_t>((session.first_place + 1) % places);
  if (!connection.can_send()) return;
  const std::size_t taken = connection.send_segments(segments_);
  for (std::size_t i = 0; i < taken; ++i) {
    advance(*steps[i].room, *steps[i].seat, steps[i].cursor, steps[i].seen);
  }
  segments_.clear();
}

void Core::advance(Room& room, Seat& seat, std::uint64_t cursor, chat::Seq seen) {
  const bool was_behind = seat.cursor < room.wire.end();
  seat.cursor = cursor;
  seat.seen = seen;
  if (!was_behind || cursor < room.wire.end()) return;
  CHECK(room.lagging > 0);
  if (--room.lagging == 0) room.wire.clear();
}

// The frames at the seat's cursor are gone: too slow a reader. Those who understand it are told
// what they missed and go on; the others are sent away to resume. False: sent away.
bool Core::fell_off(Session& session, Room& room, Seat& seat) {
  ++counts_.slow_readers;
  if (session.dialect == chat::Dialect::compatible) {
    hang_up(session, proto::CloseCode::slow_reader, "too slow a reader");
    return false;
  }
  const bool kept = !room.wire.empty();
  const chat::Seq upto = kept ? room.wire.seq_before_begin() : room.feed.position();
  if (seat.seen < upto) {
    tell(session, api::gap(room.name, seat.seen + 1, upto, "slow_reader", std::nullopt));
  }
  tell_presence_count(session, room);
  if (session.stage == Session::Stage::leaving) return false;
  advance(room, seat, room.wire.begin(), std::max(seat.seen, upto));
  return true;
}

}  // namespace starling::shard
