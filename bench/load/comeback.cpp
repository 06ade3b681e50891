#include "comeback.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace starling::bench {
namespace {

constexpr std::int64_t try_every_ns = second_ns / 1'000;
// Connections opened in one turn: the server's backlog holds them, and nobody waits for this.
constexpr std::size_t opened_in_a_turn = 64;
// Who is told to ask again does so after a pause that doubles, and that is another one for each
// member, or all would come again together.
constexpr std::int64_t first_pause_ns = second_ns / 20;
constexpr std::int64_t longest_pause_ns = 2 * second_ns;
constexpr unsigned refusals_max = 12;  // some 15 s of pauses: whoever hears another has no server

// The number behind `name`; 0 where it is not there.
std::uint64_t number_of(std::string_view payload, std::string_view name) {
  const std::size_t at = payload.find(name);
  std::uint64_t number = 0;
  if (at != std::string_view::npos) {
    const char* const begin = payload.data() + at + name.size();
    std::from_chars(begin, payload.data() + payload.size(), number);
  }
  return number;
}

}  // namespace

void Comeback::say(Room& room, std::uint64_t number, std::string_view content) {
  std::string command = R"({"type":"chat_message","roomId":")" + room.name +
                        R"(","clientMessageId":")" + std::to_string(number) + R"(","content":")";
  command.append(content).append("\"}");
  if (!absences_.contains(room.sender)) room.sender->client.send(command);
  unacknowledged_[&room].push_back({number, std::move(command)});
}

void Comeback::left(Member& member) {
  if (absences_.insert_or_assign(&member, Absence{}).second) ++missing_;
  away_.push_back(&member);
}

void Comeback::turn(std::int64_t now_ns) {
  ask_again(now_ns);
  if (away_.empty() || now_ns < next_try_ns_) return;
  next_try_ns_ = now_ns + try_every_ns;
  for (std::size_t i = 0; i < opened_in_a_turn && !away_.empty(); ++i) {
    Member& member = *away_.front();
    if (!member.client.open()) return;
    if (found_ns_ == 0) found_ns_ = now_ns;
    away_.pop_front();
    poller_.watch(member.client.socket(), &member);
  }
}

bool Comeback::heard(Member& member, std::string_view payload, std::int64_t now_ns) {
  if (payload.starts_with(R"({"type":"chat_message")")) {
    member.seq = number_of(payload, "\"seq\":");
    look_whether_back(member);
  } else if (payload.starts_with(R"({"type":"message_sent")")) {
    auto& waiting = unacknowledged_[member.room];
    const std::uint64_t number = number_of(payload, R"("clientMessageId":")");
    while (!waiting.empty() && waiting.front().number <= number) waiting.pop_front();
  } else if (payload.starts_with(R"({"type":"gap")")) {
    give_up("a member missed too much to be given it: " + std::string{payload});
  } else if (const auto found = absences_.find(&member); found != absences_.end()) {
    return heard_absent(member, found->second, payload, now_ns);
  }
  return false;
}

bool Comeback::heard_absent(Member& member, Absence& absence, std::string_view payload,
                            std::int64_t now_ns) {
  if (payload.starts_with(R"({"type":"welcome")")) {
    absence.epoch = number_of(payload, R"("epoch":)");
    resume(member, absence);
  } else if (payload.starts_with(R"({"type":"room_joined")")) {
    absence.head = number_of(payload, R"("headSeq":)");
    absence.let_in = true;
    look_whether_back(member);
  } else if (payload.starts_with(R"({"type":"error")") &&
             payload.find(R"("clientMessageId")") == std::string_view::npos) {
    ask_later(member, absence, payload, now_ns);
    return true;
  }
  return false;
}

void Comeback::ask_later(Member& member, Absence& absence, std::string_view error,
                         std::int64_t now_ns) {
  if (error.find(R"("retryable":true)") == std::string_view::npos ||
      ++absence.refusals > refusals_max) {
    give_up("a member is not let in: " + std::string{error});
  }
  const std::int64_t pause = std::min(longest_pause_ns, first_pause_ns << (absence.refusals - 1));
  const std::uniform_int_distribution<std::int64_t>::param_type half_to_all{pause / 2, pause};
  const auto told_ms = static_cast<std::int64_t>(number_of(error, R"("retryAfterMs":)"));
  absence.asks_ns = now_ns + spread_(random_, half_to_all) + told_ms * (second_ns / 1'000);
  asking_.emplace(absence.asks_ns, &member);
}

void Comeback::ask_again(std::int64_t now_ns) {
  while (!asking_.empty() && asking_.begin()->first <= now_ns) {
    const auto [due_ns, member] = *asking_.begin();
    asking_.erase(asking_.begin());
    const auto absence = absences_.find(member);
    // Another connection since then has asked by itself.
    if (absence == absences_.end() || absence->second.asks_ns != due_ns) continue;
    ++result_.repeated;
    resume(*member, absence->second);
  }
}

void Comeback::resume(Member& member, const Absence& absence) {
  std::string command = R"({"type":"auth","userId":)" + member.user + R"(,"resume":{"epoch":)";
  command.append(std::to_string(absence.epoch)).append(R"(,"rooms":{")");
  command.append(member.room->name).append("\":").append(std::to_string(member.seq)).append("}}}");
  member.client.send(command);
  member.client.flush();
}

void Comeback::look_whether_back(Member& member) {
  const auto absence = absences_.find(&member);
  if (absence == absences_.end() || !absence->second.let_in) return;
  if (member.seq < absence->second.head) return;
  absences_.erase(absence);
  --missing_;
  ++result_.back;
  result_.all_back_ns = now_ns() - found_ns_;
  if (member.room->sender == &member) repeat(*member.room);
}

void Comeback::repeat(Room& room) {
  for (const Unacknowledged& message : unacknowledged_[&room]) {
    room.sender->client.send(message.command);
  }
  room.sender->client.flush();
}

}  // namespace starling::bench
