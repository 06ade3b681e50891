// One thread, one epoll. Two rules keep the generator out of what it measures:
//  - a message's latency counts from when it ought to have left (open loop), so a generator or a
//    server that falls behind cannot hide the time that its messages waited;
//  - a message carries its number and its time of sending, so nothing is looked up on its arrival
//    but the ledger of the member that it came to.
#include "run.hpp"

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>

namespace starling::bench {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;
// How long doubled messages may still come after everything is there.
constexpr std::int64_t quiet_ns = second_ns / 5;
constexpr int events_per_wait = 128;  // between two looks at the clock
constexpr std::string_view mark = "#n=";

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Reads a decimal number at the front of `text`, and what stands behind it.
std::uint64_t take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

class Load {
 public:
  Load(const Options& options, Party& party, Result& result);
  ~Load() { ::close(epoll_); }
  Load(const Load&) = delete;
  Load& operator=(const Load&) = delete;

  void run();

 private:
  void wait_until(std::int64_t time_ns);
  void read(Member& member);
  void on_text(Member& member, std::string_view payload);
  void on_delivered(Room& room, std::uint64_t number);
  void on_closed(Member& member);
  void send_open();
  void send_closed();
  void send(Room& room, std::int64_t time_ns);
  bool sending_over() const;
  void once_a_second();
  void count();

  std::int64_t intended_ns(std::uint64_t index) const {
    return start_ns_ + static_cast<std::int64_t>(index * second_ns / messages_per_second_);
  }

  const Options& options_;
  Party& party_;
  Result& result_;
  const int epoll_;
  const std::uint64_t messages_per_second_;  // open loop: of all rooms together
  std::uint64_t messages_max_;
  std::int64_t start_ns_ = 0;
  std::int64_t end_ns_ = 0;  // of sending
  std::int64_t now_ns_ = 0;  // of the last wait: all that it brought had come by then
  std::int64_t last_delivery_ns_ = 0;
  std::int64_t next_second_ns_ = 0;
  std::uint64_t outstanding_ = 0;  // deliveries
  std::uint64_t sent_ = 0;
  bool watched_ = ::isatty(STDERR_FILENO) == 1;
  std::string content_;
};

Load::Load(const Options& options, Party& party, Result& result)
    : options_(options),
      party_(party),
      result_(result),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      messages_per_second_(std::uint64_t{options.rate} * options.rooms),
      messages_max_(options.messages) {
  if (options.mode == Mode::open) {
    messages_max_ = std::min(messages_max_, messages_per_second_ * options.seconds);
  }
  ::prctl(PR_SET_TIMERSLACK, 1UL);  // nanosecond: waits end when they should
  for (Member& member : party.members) {
    if (member.stalled) continue;
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = &member;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, member.client.socket(), &event) != 0) {
      give_up("epoll_ctl failed");
    }
  }
}

// Waits for bytes or for the time, and takes some of the bytes that are there.
void Load::wait_until(std::int64_t time_ns) {
  const std::int64_t left = std::clamp<std::int64_t>(time_ns - now_ns(), 0, second_ns / 10);
  const timespec limit{0, left};
  epoll_event events[events_per_wait];
  const int count = ::epoll_pwait2(epoll_, events, events_per_wait, &limit, nullptr);
  for (int i = 0; i < count; ++i) read(*static_cast<Member*>(events[i].data.ptr));
  now_ns_ = now_ns();
  if (now_ns_ >= next_second_ns_) once_a_second();
}

void Load::read(Member& member) {
  now_ns_ = now_ns();
  const bool alive =
      member.client.read([&](std::string_view payload) { on_text(member, payload); });
  if (!alive) on_closed(member);
}

void Load::on_closed(Member& member) {
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, member.client.socket(), nullptr);
  member.client.hang_up();
  member.closed = true;
}

void Load::on_text(Member& member, std::string_view payload) {
  Room& room = *member.room;
  if (room.mark_at >= payload.size() || !payload.substr(room.mark_at).starts_with(mark)) {
    const std::size_t found = payload.find(mark);
    if (found == std::string_view::npos) {
      if (payload.starts_with(R"({"type":"error")") && room.sender == &member) {
        ++room.refused;
        outstanding_ -= std::min(outstanding_, room.readers);
        if (result_.first_error.empty()) result_.first_error = payload;
      }
      return;
    }
    room.mark_at = found;
  }
  std::string_view text = payload.substr(room.mark_at + mark.size());
  const std::uint64_t number = take_number(text);
  if (number == 0 || number > room.sent || text.empty()) give_up("a message that nobody has sent");
  text.remove_prefix(1);
  const auto time = static_cast<std::int64_t>(take_number(text));
  switch (member.ledger.arrive(number)) {
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
  result_.latency.record(now_ns_ - start_ns_ - time);
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
  content_.assign(mark).append(std::to_string(number));
  content_.append(" ").append(std::to_string(time_ns - start_ns_)).append(" ");
  content_.resize(std::max<std::size_t>(content_.size(), options_.bytes), 'x');
  say(options_, room, content_);
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

bool Load::sending_over() const {
  if (sent_ >= messages_max_) return true;
  return options_.mode == Mode::closed && now_ns_ >= end_ns_;
}

void Load::once_a_second() {
  next_second_ns_ += second_ns;
  result_.peak_private_bytes = std::max(result_.peak_private_bytes, private_bytes(options_.pid));
  for (Room& room : party_.rooms) room.sender->client.flush();
  if (!watched_) return;
  const std::int64_t left = std::max<std::int64_t>(0, end_ns_ - now_ns_) / second_ns;
  std::fprintf(stderr, "\r%lld s left, %llu sent, %llu delivered ", static_cast<long long>(left),
               static_cast<unsigned long long>(sent_),
               static_cast<unsigned long long>(result_.delivered));
}

void Load::run() {
  now_ns_ = now_ns();
  next_second_ns_ = now_ns_ + second_ns;
  const std::int64_t settled = now_ns_ + options_.settle_seconds * second_ns;
  while (now_ns_ < settled) wait_until(settled);

  result_.joined = snapshot_of(options_.pid);
  if (options_.mode == Mode::idle) return;
  const std::uint64_t own_before = usage_of(::getpid()).cpu_ns();
  start_ns_ = last_delivery_ns_ = now_ns_ = now_ns();
  end_ns_ = start_ns_ + options_.seconds * second_ns;
  while (!sending_over()) {
    if (options_.mode == Mode::open) {
      send_open();
      wait_until(sent_ < messages_max_ ? intended_ns(sent_) : now_ns_);
    } else {
      send_closed();
      wait_until(end_ns_);
    }
  }
  // Everything that was sent is waited for, so that all of it is paid for; with a limit, since
  // what is lost does not come.
  const std::int64_t drained = now_ns() + options_.drain_seconds * second_ns;
  while (outstanding_ > 0 && now_ns_ < drained) {
    for (Room& room : party_.rooms) room.sender->client.flush();
    wait_until(drained);
  }
  result_.end = snapshot_of(options_.pid);
  result_.own_cpu_ns = usage_of(::getpid()).cpu_ns() - own_before;
  result_.elapsed_ns = last_delivery_ns_ - start_ns_;
  const std::int64_t quiet = now_ns() + quiet_ns;
  do wait_until(quiet);
  while (now_ns_ < quiet);
  if (watched_) std::fprintf(stderr, "\n");
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
    const std::uint64_t missing = member.ledger.missing(member.room->sent);
    result_.lost += missing - std::min(missing, member.room->refused);
    if (member.closed) ++result_.closed;
  }
}

}  // namespace

Result run_load(const Options& options, Party& party) {
  Result result;
  Load{options, party, result}.run();
  return result;
}

}  // namespace starling::bench
