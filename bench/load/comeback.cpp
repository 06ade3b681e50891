#include "comeback.hpp"

#include <charconv>
#include <utility>

namespace starling::bench {
namespace {

constexpr std::int64_t try_every_ns = second_ns / 1'000;
// Connections opened in one turn: the server's backlog holds them, and nobody waits for this.
constexpr std::size_t opened_in_a_turn = 64;

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

void Comeback::heard(Member& member, std::string_view payload) {
  if (payload.starts_with(R"({"type":"chat_message")")) {
    member.seq = number_of(payload, "\"seq\":");
    look_whether_back(member);
  } else if (payload.starts_with(R"({"type":"message_sent")")) {
    auto& waiting = unacknowledged_[member.room];
    const std::uint64_t number = number_of(payload, R"("clientMessageId":")");
    while (!waiting.empty() && waiting.front().number <= number) waiting.pop_front();
  } else if (payload.starts_with(R"({"type":"welcome")")) {
    resume(member, payload);
  } else if (payload.starts_with(R"({"type":"auth_success")")) {
    const auto absence = absences_.find(&member);
    if (absence == absences_.end()) return;
    absence->second = {number_of(payload, R"("headSeq":)"), true};
    look_whether_back(member);
  } else if (payload.starts_with(R"({"type":"gap")")) {
    give_up("a member missed too much to be given it: " + std::string{payload});
  }
}

void Comeback::resume(Member& member, std::string_view welcome) {
  std::string command = R"({"type":"auth","userId":)" + member.user + R"(,"resume":{"epoch":)";
  command.append(std::to_string(number_of(welcome, R"("epoch":)"))).append(R"(,"rooms":{")");
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
