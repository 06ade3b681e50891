// The order of events, members coming and going, and catching up after a resume.
#include <algorithm>
#include <utility>
#include <variant>

#include "api/bounds.hpp"
#include "base/check.hpp"
#include "shard/core.hpp"

namespace starling::shard {

using chat::Failure;
using chat::FailureCode;

Room& Core::room_for(std::string_view name) {
  const auto place = rooms_.find(name);
  if (place != rooms_.end()) return place->second;
  Room& room = rooms_.try_emplace(std::string{name}).first->second;
  room.name = name;
  interest_.add(name);
  return room;
}

void Core::erase_room(const std::string& name) {
  interest_.remove(name);
  const auto place = rooms_.find(name);
  std::erase(dirty_rooms_, &place->second);
  rooms_.erase(place);
}

Room* Core::find_room(std::string_view name) {
  const auto place = rooms_.find(name);
  return place == rooms_.end() ? nullptr : &place->second;
}

// ---- events ----------------------------------------------------------------------------------

void Core::on_batch(const chat::CommittedBatchRef& batch) {
  if (!keep_epoch(batch->epoch)) return;
  Room* room = nullptr;  // of the entry before: batches have runs of one room
  for (std::size_t i = 0; i < batch->entries.size(); ++i) {
    const std::string& name = batch->entries[i].event.room;
    if (!room || room->name != name) room = find_room(name);
    if (!room) continue;
    const chat::CommittedBatch::Entry& entry = batch->entries[i];
    if (room->feed.deliver_next(entry.event)) {
      append(*room, batch->frame(entry), entry.event.seq - 1, entry.event.seq);
      continue;
    }
    deliverable_.clear();
    room->feed.offer({batch, i}, deliverable_);
    deliver(*room, deliverable_);
    note_hole(*room);
  }
}

// What the room's feed has let through. It may also have met something that does not follow.
void Core::deliver(Room& room, const std::vector<chat::FeedItem>& items) {
  if (room.feed.doubt()) want_check(room);
  for (const chat::FeedItem& item : items) {
    append(room, item.batch->frame(item.entry()), item.seq() - 1, item.seq());
  }
}

void Core::append(Room& room, std::string_view frame, chat::Seq before, chat::Seq after) {
  if (room.seats.empty()) return;
  room.wire.append(frame, before, after, budget_);
  room.lagging = room.seats.size();
  counts_.messages_delivered += room.seats.size();
  if (!room.dirty) {
    room.dirty = true;
    room.dirty_since = context_.now;
    dirty_rooms_.push_back(&room);
  }
}

// ---- coming ----------------------------------------------------------------------------------

void Core::start_join(Session& session, std::string name, std::optional<chat::Seq> after_seq,
                      std::optional<std::uint64_t> epoch, std::string ref, std::string greeting) {
  if (session.places.size() + session.joining >= config_.limits.rooms_per_session &&
      !session.place_in(name)) {
    tell(session, greeting);
    tell_error(session, {FailureCode::bad_request, "Too many rooms in this session"}, ref);
    return;
  }
  if (memory_.refuses(chat::Service::joins)) {
    tell(session, greeting);
    tell_error(session, {FailureCode::unavailable, short_of_memory}, ref, {}, memory_retry_ms);
    return;
  }
  Call call;
  call.kind = Call::Kind::join;
  call.client = session.connection->handle();
  call.user = session.user;
  call.room = name;
  call.ref = std::move(ref);
  call.greeting = std::move(greeting);
  call.after_seq = after_seq;
  call.epoch = epoch;
  // From here on the room holds its events back until the archive has told the head.
  Room& room = room_for(name);
  chat::JoinRoom join{std::move(name), session.user,
                      quotas_.may_create_rooms(session.user, context_.now),
                      config_.limits.rooms_per_user};
  if (!ask(chat::WriteRequest{std::move(join)}, call)) {
    maybe_abandoned_.push_back(room.name);
    tell(session, call.greeting);
    tell_error(session, {FailureCode::unavailable, "The server is busy, try again"}, call.ref);
    return;
  }
  ++room.joining;
  ++session.joining;
  ++session.open_calls;
}

void Core::on_join_reply(Client* client, Call& call, chat::Reply&& reply) {
  Room* room = find_room(call.room);
  CHECK(room != nullptr && room->joining > 0);  // kept by its joining members
  --room->joining;
  Session* session = client ? client->session.get() : nullptr;
  if (session) --session->joining;
  const auto* joined = std::get_if<chat::RoomJoined>(&reply);
  if (joined && !keep_epoch(joined->epoch)) {  // of before: it has to come again
    if (session) hang_up(*session, proto::CloseCode::drain, "the archive has a new epoch");
  } else if (joined) {
    quotas_.note(*joined, call.user, context_.now);
    deliverable_.clear();
    room->feed.set_head(joined->head, joined->last_id, deliverable_);
    deliver(*room, deliverable_);
    note_hole(*room);
  }
  if (!session || session->stage == Session::Stage::leaving || !joined) {
    maybe_abandoned_.push_back(call.room);
    if (session && !joined) {
      tell(*session, call.greeting);
      tell_error(*session, std::get<Failure>(reply), call.ref);
    }
    return;
  }
  enter(*session, *room, *joined, call);
}

void Core::enter(Session& session, Room& room, const chat::RoomJoined& joined, const Call& call) {
  if (session.dialect == chat::Dialect::compatible) {  // one active room
    for (std::size_t i = session.places.size(); i-- > 0;) {
      if (session.places[i].room != &room) vacate(session, i);
    }
  }
  Session::Place* place = session.place_in(room.name);
  if (!place) {
    session.places.push_back({&room, static_cast<std::uint32_t>(room.seats.size())});
    place = &session.places.back();
    room.seats.push_back({&session, room.wire.end(), room.feed.position()});
    arrive(session, room);
  }
  advance(room, room.seats[place->seat], room.wire.end(), room.feed.position());
  place->catching_up = false;

  chat::RoomJoined told = joined;
  // The original has no use for `unread`, and reads by REST what it missed meanwhile.
  const bool counts = session.dialect == chat::Dialect::v1;
  if (!counts) told.head = room.feed.position();
  tell(session, call.greeting);
  tell(session, api::room_joined(told, presence_.list(room.name, api::max_online_listed),
                                 presence_.count(room.name), call.ref));
  if (call.after_seq || counts) begin_catch_up(session, *place, joined, call);
}

void Core::leave_room(Session& session, Room& room) {
  for (std::size_t i = 0; i < session.places.size(); ++i) {
    if (session.places[i].room != &room) continue;
    vacate(session, i);
    return;
  }
}

// Gives up a place and its seat; the room's last seat moves into the gap.
void Core::vacate(Session& session, std::size_t index) {
  const Session::Place place = session.places[index];
  session.places.erase(session.places.begin() + static_cast<std::ptrdiff_t>(index));
  Room& room = *place.room;
  advance(room, room.seats[place.seat], room.wire.end(), 0);
  if (place.seat + 1 != room.seats.size()) {
    room.seats[place.seat] = room.seats.back();
    for (Session::Place& moved : room.seats[place.seat].session->places) {
      if (moved.room == &room) moved.seat = place.seat;
    }
  }
  room.seats.pop_back();
  depart(session, room);
  maybe_abandoned_.push_back(room.name);
}

// ---- catching up -----------------------------------------------------------------------------

// The seat is pinned at the room's position: pages reach up to there, the wire buffer goes on. Who
// does not resume is given what came behind the head that it is told: `unread` was counted there.
// The feed may also be behind the member: batches were dropped, and are being read.
void Core::begin_catch_up(Session& session, Session::Place& place, const chat::RoomJoined& joined,
                          const Call& call) {
  Room& room = *place.room;
  const chat::Seq position = room.feed.position();
  chat::Seq seen = call.after_seq.value_or(joined.head);
  if (call.after_seq &&
      ((call.epoch && *call.epoch != joined.epoch) || seen > std::max(position, joined.head))) {
    tell(session, api::gap(room.name, 1, position, "epoch", joined.epoch));
    return;
  }
  if (position > seen && position - seen > config_.resume.max_events) {
    const chat::Seq kept = position - config_.resume.max_events;
    tell(session, api::gap(room.name, seen + 1, kept, "too_many", std::nullopt));
    seen = kept;
  }
  if (seen == position) return;
  Seat& seat = room.seats[place.seat];
  seat.seen = seen;
  seat.pinned = position;
  place.catching_up = true;
  continue_catch_up(session, room);
}

void Core::continue_catch_up(Session& session, Room& room) {
  Session::Place& place = *session.place_in(room.name);
  Seat& seat = room.seats[place.seat];
  if (place.page_asked || session.connection->private_bytes() > catch_up_backlog_bytes) return;
  const bool outrun = seat.seen > seat.pinned;
  if (outrun && room.feed.position() < seat.seen) {
    room.outrun = true;
    return;
  }
  if (seat.seen >= seat.pinned) {
    if (!outrun && seat.cursor >= room.wire.begin()) {
      place.catching_up = false;
      touch(session);
      return;
    }
    // While the pages came, or the feed came up, the wire buffer moved on without us: more pages.
    seat.pinned = room.feed.position();
    const chat::Seq seen = seat.seen;
    advance(room, seat, room.wire.end(), seen);
    tell_presence_count(session, room);
    if (session.stage == Session::Stage::leaving) return;
    if (seen == seat.pinned) {  // what it missed were no events
      place.catching_up = false;
      return;
    }
  }
  chat::ReadPage page;
  page.room = room.name;
  page.position = chat::ReadPage::Position::after_seq;
  page.value = seat.seen;
  page.limit = static_cast<unsigned>(std::min<chat::Seq>(page_events, seat.pinned - seat.seen));
  page.reader = session.user;
  Call call;
  call.kind = Call::Kind::catch_up;
  call.client = session.connection->handle();
  call.room = room.name;
  call.after_seq = seat.seen;
  if (!ask(chat::ReadRequest{std::move(page)}, call)) {
    hang_up(session, proto::CloseCode::try_again_later, "busy");
    return;
  }
  place.page_asked = true;
  ++session.open_calls;
}

// Who was ahead of the feed may go on, or waits again.
void Core::feed_came_up(Room& room) {
  for (const Seat& seat : room.seats) {
    Session& session = *seat.session;
    if (session.stage == Session::Stage::leaving) continue;
    if (session.place_in(room.name)->catching_up) continue_catch_up(session, room);
  }
}

void Core::on_catch_up_reply(Session& session, Call& call, chat::Reply&& reply) {
  Session::Place* place = session.place_in(call.room);
  if (!place) return;
  Room& room = *place->room;
  Seat& seat = room.seats[place->seat];
  place->page_asked = false;
  if (!place->catching_up) return;
  if (*call.after_seq != seat.seen) {  // of before the member came in once more, from elsewhere
    continue_catch_up(session, room);
    return;
  }
  const auto* page = std::get_if<chat::PageRead>(&reply);
  if (!page || page->events.empty()) {
    // What cannot be read now is not skipped: the client comes again and resumes.
    if (!page) tell_error(session, std::get<Failure>(reply), {});
    hang_up(session, proto::CloseCode::try_again_later, "history unavailable");
    return;
  }
  std::string json;
  for (const chat::Event& event : page->events) {
    if (event.seq <= seat.seen || event.seq > seat.pinned) continue;
    room.feed.compare(event.seq, event.id);
    if (room.feed.doubt()) {  // what the wire buffer goes on with may be another history
      want_check(room);
      hang_up(session, proto::CloseCode::try_again_later, "history unavailable");
      return;
    }
    json.clear();
    api::append_event(json, event);
    tell(session, json);
    if (session.stage == Session::Stage::leaving) return;
    seat.seen = event.seq;
  }
  continue_catch_up(session, room);
}

}  // namespace starling::shard
