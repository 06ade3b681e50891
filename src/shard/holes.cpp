// What a room's feed lacks: noticing it, waiting for it, reading it from the archive.
//
// Alone, an event is missing only where a batch was dropped. In a fleet it may be on its way by the
// bus, so a hole waits for bus.gap_wait_ms. What came neither way shows in the heads of the rooms,
// which are compared with the archive whenever something may have been lost, and from time to time
// in any case; often, while the bus is away: then that is how other servers' events are found.
#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "base/log.hpp"
#include "shard/core.hpp"

namespace starling::shard {
namespace {

using std::chrono::milliseconds;

constexpr base::Duration poll_when_well = std::chrono::seconds{5};
constexpr base::Duration poll_when_not = milliseconds{250};
// Whatever is lost, and however often, heads are not compared more often than that.
constexpr base::Duration compare_pause = milliseconds{20};

}  // namespace

// ---- noticing --------------------------------------------------------------------------------

// An event came that is ahead, or a head that is: what is missing may still come by itself.
void Core::note_hole(Room& room) {
  if (room.filling || !room.feed.hole()) return;
  if (!options_.fleet) {
    want_fill(room);
  } else if (options_.fleet->bus_up()) {
    room.filling = true;
    gap_waits_.push_back({context_.now + milliseconds{config_.bus.gap_wait_ms}, room.name});
  }
  // While the bus is away the next poll finds it, together with all others.
}

void Core::expire_gap_waits() {
  while (!gap_waits_.empty() && gap_waits_.front().at <= context_.now) {
    fills_wanted_.push_back(std::move(gap_waits_.front().room));  // if it is still there
    gap_waits_.pop_front();
  }
}

void Core::want_fill(Room& room) {
  room.filling = true;
  fills_wanted_.push_back(room.name);
}

// What could not be read when it was needed is asked for once a second.
void Core::retry_fills() {
  if (std::exchange(heads_missing_, false)) compare_wanted_ = true;
  for (auto& [name, room] : rooms_) {
    if (!room.filling && room.feed.hole()) want_fill(room);
    if (room.feed.doubt()) want_check(room);
  }
}

// ---- another epoch ---------------------------------------------------------------------------

// The archive has lost what it had told, or is another one: numbers of before mean nothing any
// more. Rooms forget where they were, and their members come again; a resume tells them from where.
// False: `epoch` is an older one, and what it came with is of no use.
bool Core::keep_epoch(std::uint64_t epoch) {
  if (epoch == epoch_ || epoch == 0) return true;  // 0: not told
  if (epoch < epoch_) return false;
  base::log(base::LogLevel::warning, "the archive has a new epoch: all members resume",
            {{"epoch", std::to_string(epoch)}});
  epoch_ = epoch;
  for (auto& [name, room] : rooms_) {
    room.feed = {};
    room.wire.clear();
    for (const Seat& seat : room.seats) {
      hang_up(*seat.session, proto::CloseCode::drain, "the archive has a new epoch");
    }
  }
  compare_wanted_ = true;
  return true;
}

// ---- doubts ----------------------------------------------------------------------------------

// One question for a room, and one room at a time: if it has lost one, all begin anew.
void Core::want_check(Room& room) {
  if (std::exchange(room.checking, true)) return;
  checks_wanted_.push_back(room.name);
}

// The writer looks, for its answer is under the lock that keeps the epoch as it is.
void Core::pump_checks() {
  while (!check_open_ && (epoch_doubted_ || !checks_wanted_.empty())) {
    chat::CheckEvents check;
    check.epoch = epoch_;
    if (!epoch_doubted_) {
      Room* room = find_room(checks_wanted_.front());
      if (!room || !room->feed.doubt()) {
        if (room) room->checking = false;
        checks_wanted_.pop_front();
        continue;
      }
      const chat::RoomFeed::Doubt& doubt = *room->feed.doubt();
      check.room = room->name;
      check.seq = doubt.position;
      check.id = doubt.delivered;
      check.other = doubt.other;
    }
    Call call;
    call.kind = Call::Kind::check;
    call.room = check.room;
    call.epoch = epoch_;
    if (!ask(chat::WriteRequest{std::move(check)}, call)) return;
    check_open_ = true;
    if (!std::exchange(epoch_doubted_, false)) checks_wanted_.pop_front();
  }
}

void Core::on_check_reply(const Call& call, const chat::Reply& reply) {
  check_open_ = false;
  Room* room = find_room(call.room);
  if (room) room->checking = false;
  const auto* checked = std::get_if<chat::EventsChecked>(&reply);
  if (!checked) return;  // the next tick asks again
  ++counts_.doubts;
  keep_epoch(checked->epoch);
  if (!room || call.epoch != epoch_) return;
  deliverable_.clear();
  room->feed.believe(deliverable_);
  deliver(*room, deliverable_);
  note_hole(*room);
}

// ---- comparing -------------------------------------------------------------------------------

// When heads are compared again, if none are being read; max(): when something is lost.
base::Instant Core::next_compare() const {
  if (compare_wanted_)
    return heads_open_ > 0 ? base::Instant::max() : last_compare_ + compare_pause;
  if (!options_.fleet) return base::Instant::max();
  return last_compare_ + (options_.fleet->all_well() ? poll_when_well : poll_when_not);
}

// Also the heads of rooms that hold back: the one that they wait for may be older than what was
// lost. What is lost while heads are being read is not in them: they are read again.
void Core::compare_heads() {
  if (context_.now < next_compare() || heads_open_ > 0 || !heads_wanted_.empty()) return;
  compare_wanted_ = false;
  last_compare_ = context_.now;
  for (const auto& [name, room] : rooms_) {
    heads_wanted_.push_back({name, room.feed.holding() ? 0 : room.feed.position()});
  }
}

// Asks for as many heads at once as one request may name. False: refused, to be tried again.
bool Core::pump_heads() {
  while (!heads_wanted_.empty() && fills_open_ + heads_open_ < max_fills) {
    const std::size_t count = std::min(heads_wanted_.size(), chat::ReadHeads::max_rooms);
    const auto first = heads_wanted_.end() - static_cast<std::ptrdiff_t>(count);
    Call call;
    call.kind = Call::Kind::heads;
    call.epoch = epoch_;
    if (!ask(chat::ReadRequest{chat::ReadHeads{{first, heads_wanted_.end()}}}, call)) {
      return false;
    }
    heads_wanted_.erase(first, heads_wanted_.end());
    ++heads_open_;
  }
  return true;
}

void Core::on_heads_reply(const Call& call, chat::Reply&& reply) {
  --heads_open_;
  const auto* read = std::get_if<chat::HeadsRead>(&reply);
  if (!read || !keep_epoch(read->epoch)) {
    heads_missing_ = true;     // the next tick asks again
    epoch_doubted_ |= !!read;  // it was read before, or the newer one was lost
    return;
  }
  const bool may_come = options_.fleet && options_.fleet->bus_up();
  for (const chat::HeadsRead::Head& found : read->heads) {
    Room* room = find_room(found.room);
    if (!room) continue;
    deliverable_.clear();
    room->feed.set_head(found.head, found.last_id, deliverable_);
    // What was delivered before it was asked for has been committed by then.
    if (found.head < found.delivered && call.epoch == epoch_) room->feed.note_low_head();
    deliver(*room, deliverable_);
    if (room->filling || !room->feed.hole()) continue;
    may_come ? note_hole(*room) : want_fill(*room);
  }
}

// ---- reading ---------------------------------------------------------------------------------

void Core::pump_fills() {
  pump_checks();
  expire_gap_waits();
  compare_heads();
  if (!pump_heads()) return;
  while (!fills_wanted_.empty() && fills_open_ + heads_open_ < max_fills) {
    const Room* room = find_room(fills_wanted_.front());
    const std::optional<chat::RoomFeed::Hole> hole =
        room ? room->feed.hole() : std::optional<chat::RoomFeed::Hole>{};
    if (hole) {
      chat::ReadPage page;
      page.room = room->name;
      page.position = chat::ReadPage::Position::after_seq;
      page.value = hole->first - 1;
      page.limit =
          static_cast<unsigned>(std::min<chat::Seq>(page_events, hole->last - hole->first + 1));
      Call call;
      call.kind = Call::Kind::fill;
      call.room = room->name;
      if (!ask(chat::ReadRequest{std::move(page)}, call)) return;
      ++fills_open_;
    } else if (Room* whole = find_room(fills_wanted_.front())) {
      whole->filling = false;
    }
    fills_wanted_.pop_front();
  }
}

void Core::on_fill_reply(Call& call, chat::Reply&& reply) {
  --fills_open_;
  Room* room = find_room(call.room);
  if (!room) return;
  room->filling = false;
  auto* page = std::get_if<chat::PageRead>(&reply);
  if (!page || !keep_epoch(page->epoch) || page->events.empty())
    return;  // the next tick asks again
  auto batch = std::make_shared<chat::CommittedBatch>();
  for (chat::Event& event : page->events) {
    const std::size_t offset = batch->frames.size();
    options_.encoder->append_frame(event, batch->frames);
    batch->add(std::move(event), offset);
  }
  ++counts_.gaps_filled;
  deliverable_.clear();
  for (std::size_t i = 0; i < batch->entries.size(); ++i) {
    room->feed.offer({batch, i}, deliverable_);
  }
  deliver(*room, deliverable_);
  const bool more = page->has_more && room->feed.hole();
  more ? want_fill(*room) : note_hole(*room);
}

}  // namespace starling::shard
