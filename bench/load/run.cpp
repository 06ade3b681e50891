// One thread, one epoll. Two rules keep the generator out of what it measures:
//  - a message's latency counts from when it ought to have left (open loop), so a generator or a
//    server that falls behind cannot hide the time that its messages waited;
//  - a message carries its number and its time of sending, so nothing is looked up on its arrival
//    but the ledger of the member that it came to.
#include "run.hpp"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "comeback.hpp"
#include "poller.hpp"
#include "progress.hpp"

namespace starling::bench {
namespace {

// How long doubled messages may still come after everything is there.
constexpr std::int64_t quiet_ns = second_ns / 5;
constexpr std::string_view mark = "#n=";

// Reads a decimal number at the front of `text`, and what stands behind it.
std::uint64_t take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

// What a reader of that room misses, and was not refused.
std::uint64_t lost(const Ledger& ledger, const Room& room) {
  const std::uint64_t missing = ledger.missing(room.sent);
  return missing - std::min(missing, room.refused);
}

class Load {
 public:
  Load(const Options& options, Party& party, Result& result);

  void run();

 private:
  void wait_until(std::int64_t time_ns);
  void read(Member& member);
  void on_payload(Member& member, std::string_view payload);
  void on_other(Member& member, std::string_view payload);
  void on_message(Member& member, std::string_view text);
  void on_delivered(Room& room, std::uint64_t number);
  void on_closed(Member& member);
  void send_all();
  void send_open();
  void send_closed();
  void send(Room& room, std::int64_t time_ns);
  void flush_all();
  bool sending_over() const;
  bool everything_is_there() const { return outstanding_ == 0 && comeback_.everybody_is_in(); }
  void once_a_second();
  void count();

  std::int64_t intended_ns(std::uint64_t index) const {
    return start_ns_ + static_cast<std::int64_t>(index * second_ns / messages_per_second_);
  }

  const Options& options_;
  Party& party_;
  const Dialect& dialect_;
  Result& result_;
  Poller poller_;
  Comeback comeback_{poller_, result_};
  Progress progress_;
  const std::uint64_t messages_per_second_;  // open loop: of all rooms together
  std::uint64_t messages_max_;
  std::int64_t start_ns_ = 0;
  std::int64_t end_ns_ = 0;  // of sending
  std::int64_t now_ns_ = 0;  // of the last wait: all that it brought had come by then
  std::int64_t last_delivery_ns_ = 0;
  std::int64_t next_second_ns_ = 0;
  std::uint64_t outstanding_ = 0;  // deliveries
  std::uint64_t sent_ = 0;
  std::string content_;
};

Load::Load(const Options& options, Party& party, Result& result)
    : options_(options),
      party_(party),
      dialect_(*party.dialect),
      result_(result),
      messages_per_second_(std::uint64_t{options.rate} * options.rooms),
      messages_max_(options.messages) {
  if (options.mode != Mode::closed) {
    messages_max_ = std::min(messages_max_, messages_per_second_ * options.seconds);
  }
  for (Member& member : party.members) {
    if (!member.stalled) poller_.watch(member.client.socket(), &member);
  }
}

void Load::wait_until(std::int64_t time_ns) {
  poller_.wait_until(time_ns, [this](void* member) { read(*static_cast<Member*>(member)); });
  now_ns_ = now_ns();
  comeback_.turn(now_ns_);
  if (now_ns_ >= next_second_ns_) once_a_second();
}

void Load::read(Member& member) {
  now_ns_ = now_ns();
  const bool alive =
      member.client.read([&](std::string_view payload) { on_payload(member, payload); });
  if (!alive) on_closed(member);
}

void Load::on_closed(Member& member) {
  poller_.forget(member.client.socket());
  member.client.hang_up();
  if (options_.mode == Mode::resume) {
    comeback_.left(member);
  } else {
    member.closed = true;
  }
}

void Load::on_payload(Member& member, std::string_view payload) {
  if (options_.mode == Mode::resume && comeback_.heard(member, payload, now_ns_)) return;
  Room& room = *member.room;
  if (room.mark_at >= payload.size() || !payload.substr(room.mark_at).starts_with(mark)) {
    const std::size_t found = payload.find(mark);
    if (found == std::string_view::npos) {
      on_other(member, payload);
      return;
    }
    room.mark_at = found;
  }
  std::size_t at = room.mark_at;
  on_message(member, payload.substr(at + mark.size()));
  if (!dialect_.packs()) return;
  while ((at = payload.find(mark, at + mark.size())) != std::string_view::npos) {
    on_message(member, payload.substr(at + mark.size()));
  }
}

void Load::on_other(Member& member, std::string_view payload) {
  Room& room = *member.room;
  if (!dialect_.refuses(member.client, payload) || room.sender != &member) return;
  ++room.refused;
  outstanding_ -= std::min(outstanding_, room.readers);
  if (result_.first_error.empty()) result_.first_error = payload;
}

void Load::on_message(Member& member, std::string_view text) {
  std::size_t sender = 0;
  if (options_.one_room) {
    sender = take_number(text);
    if (sender >= member.ledgers.size() || text.empty()) give_up("a message of nobody");
    text.remove_prefix(1);
  }
  Room& room = options_.one_room ? party_.rooms[sender] : *member.room;
  Ledger& ledger = options_.one_room ? member.ledgers[sender] : member.ledger;
  const std::uint64_t number = take_number(text);
  if (number == 0 || number > room.sent || text.empty()) give_up("a message that nobody has sent");
  text.remove_prefix(1);
  const auto time = static_cast<std::int64_t>(take_number(text));
  switch (ledger.arrive(number)) {
    case Arrival::doubled:
      ++result_.doubled;
      return;
    case Arrival::reordered:
      ++result_.reordered;
      break;
    case Arrival::in_order:
      break;
  }
  ++result_.delivered;
  if (outstanding_ > 0) --outstanding_;
  last_delivery_ns_ = now_ns_;
  result_.series.record(now_ns_ - start_ns_ - time);
  if (member.server != room.sender->server) {
    result_.elsewhere.record(now_ns_ - start_ns_ - time);
  }
  if (options_.mode == Mode::closed) on_delivered(room, number);
}

// Closed loop: a message that everybody has makes room for the next. One that was lost or refused
// never does, and its room gets no further than the window behind it.
void Load::on_delivered(Room& room, std::uint64_t number) {
  --room.readers_missing[number % options_.window];
  while (room.oldest_open <= room.sent &&
         room.readers_missing[room.oldest_open % options_.window] == 0) {
    ++room.oldest_open;
  }
}

// `time_ns`: what its latency will count from.
void Load::send(Room& room, std::int64_t time_ns) {
  const std::uint64_t number = ++room.sent;
  content_.assign(mark);
  if (options_.one_room) content_.append(std::to_string(&room - party_.rooms.data())).append(" ");
  content_.append(std::to_string(number));
  content_.append(" ").append(std::to_string(time_ns - start_ns_)).append(" ");
  content_.resize(std::max<std::size_t>(content_.size(), options_.bytes), 'x');
  if (options_.mode == Mode::resume) {
    comeback_.say(room, number, content_);
  } else {
    dialect_.say(room.sender->client, room.name, content_);
  }
  outstanding_ += room.readers;
  ++sent_;
}

// Everything that is due, each at its own intended time however late it is.
void Load::send_open() {
  const std::int64_t now = now_ns();
  while (sent_ < messages_max_ && intended_ns(sent_) <= now) {
    const std::int64_t intended = intended_ns(sent_);
    Room& room = party_.rooms[sent_ % party_.rooms.size()];
    send(room, intended);
    result_.lateness.record(now - intended);
    room.sender->client.flush();
  }
}

void Load::send_closed() {
  if (now_ns_ >= end_ns_) return;
  for (Room& room : party_.rooms) {
    const std::int64_t now = now_ns();
    while (sent_ < messages_max_ && room.sent + 1 - room.oldest_open < options_.window) {
      send(room, now);
      room.readers_missing[room.sent % options_.window] = room.readers;
    }
    room.sender->client.flush();
  }
}

void Load::flush_all() {
  for (Room& room : party_.rooms) room.sender->client.flush();
}

bool Load::sending_over() const {
  if (sent_ >= messages_max_) return true;
  return options_.mode == Mode::closed && now_ns_ >= end_ns_;
}

void Load::once_a_second() {
  next_second_ns_ += second_ns;
  const Snapshot now = snapshot_of(options_.pids);
  result_.peak_private_bytes = std::max(result_.peak_private_bytes, now.private_bytes);
  if (start_ns_ > 0) {
    result_.series.end_second(now.usage.cpu_ns(), now.private_bytes, result_.latency);
  }
  flush_all();
  progress_.tell(end_ns_ - now_ns_, result_.delivered, "delivered");
}

void Load::send_all() {
  while (!sending_over()) {
    if (options_.mode == Mode::closed) {
      send_closed();
      wait_until(end_ns_);
    } else {
      send_open();
      wait_until(sent_ < messages_max_ ? intended_ns(sent_) : now_ns_);
    }
  }
}

void Load::run() {
  now_ns_ = now_ns();
  next_second_ns_ = now_ns_ + second_ns;
  const std::int64_t settled = now_ns_ + options_.settle_seconds * second_ns;
  while (now_ns_ < settled) wait_until(settled);

  result_.joined = snapshot_of(options_.pids);
  if (options_.mode == Mode::idle) return;
  const std::uint64_t own_before = usage_of(::getpid()).cpu_ns();
  result_.series.begin(result_.joined.usage.cpu_ns());
  start_ns_ = last_delivery_ns_ = now_ns_ = now_ns();
  next_second_ns_ = start_ns_ + second_ns;
  end_ns_ = start_ns_ + options_.seconds * second_ns;
  if (options_.mode == Mode::resume) {  // whoever ends the server waits for this
    std::fputs("sending\n", stdout);
    std::fflush(stdout);
  }
  send_all();
  // Everything that was sent is waited for, so that all of it is paid for; with a limit, since
  // what is lost does not come.
  const std::int64_t drained = now_ns() + options_.drain_seconds * second_ns;
  while (!everything_is_there() && now_ns_ < drained) {
    flush_all();
    wait_until(drained);
  }
  result_.end = snapshot_of(options_.pids);
  result_.own_cpu_ns = usage_of(::getpid()).cpu_ns() - own_before;
  result_.elapsed_ns = last_delivery_ns_ - start_ns_;
  const std::int64_t quiet = now_ns() + quiet_ns;
  do wait_until(quiet);
  while (now_ns_ < quiet);
  result_.series.finish(result_.end.usage.cpu_ns(), result_.end.private_bytes, result_.latency);
  count();
}

void Load::count() {
  result_.sent = sent_;
  for (const Room& room : party_.rooms) {
    result_.refused += room.refused;
    result_.expected += (room.sent - room.refused) * room.readers;
  }
  for (const Member& member : party_.members) {
    if (member.stalled) continue;
    if (options_.one_room) {
      for (std::size_t i = 0; i < party_.rooms.size(); ++i) {
        result_.lost += lost(member.ledgers[i], party_.rooms[i]);
      }
    } else {
      result_.lost += lost(member.ledger, *member.room);
    }
    if (member.closed) ++result_.closed;
  }
}

}  // namespace

void run_load(const Options& options, Party& party, Result& result) {
  Load{options, party, result}.run();
}

}  // namespace starling::bench
