// What a client does.
#include <algorithm>
#include <utility>

#include "client.hpp"
#include "frames.hpp"
#include "judge.hpp"
#include "tally.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;

std::string quoted(std::string_view text) { return '"' + std::string{text} + '"'; }

constexpr std::size_t most_pending = 20;  // then it waits before it says more

}  // namespace

void Client::act() {
  const unsigned pace = calm_ ? 50 : habits_.pace_ms;
  next_at_ = now() + milliseconds{random_.between(1, 2 * pace)};
  if (lazy_until_ > now()) return;
  if (stage_ == Stage::away) {
    if (!retired_) come();
    return;
  }
  if (stage_ == Stage::upgrading || going_) return;
  if (stage_ == Stage::connected) {
    // The first answer may have been an error.
    if (asked_.empty()) say_who();
    return;
  }
  for (auto& [name, view] : rooms_) {
    if (view.wanted && !view.in && !view.asked) return join(name, view);
  }
  say_pending();
  if (!calm_) do_something();
}

void Client::come() {
  network_ = &balancer_.choose();
  socket_ = network_->connect(this);
  if (!socket_) {
    next_at_ = now() + milliseconds{random_.between(10, 500)};
    return;
  }
  did("connects");
  count(Happened::connection);
  stage_ = Stage::upgrading;
  connected_at_ = now();
  socket_->outgoing += upgrade_request(habits_.v1);
}

// What was asked is not answered any more; what was said may have been heard or not.
void Client::go(bool with_reset) {
  if (socket_ && socket_->client) network_->leave(*socket_, with_reset);
  socket_.reset();
  stage_ = Stage::away;
  bytes_.clear();
  asked_.clear();
  misbehaved_ = going_ = false;
  lazy_until_ = {};
  for (auto& [name, view] : rooms_) {
    view.in = view.asked = view.resuming = false;
    view.next = 0;
  }
  for (Message& message : pending_) message.under_way = false;
  next_at_ = now() + milliseconds{random_.between(5, calm_ ? 200 : 2'000)};
}

void Client::write_frame(unsigned opcode, std::string_view payload) {
  if (socket_) socket_->outgoing += client_frame(opcode, true, payload, random_);
}

void Client::write(std::string_view json) {
  did("-> " + std::string{json});
  if (socket_) socket_->outgoing += client_message(json, random_);
}

// A reference for something that must be answered.
std::string Client::ask(Asked what) {
  const std::string ref = "r" + std::to_string(next_ref_++);
  asked_[ref] = std::move(what);
  return ref;
}

void Client::say_who() {
  std::string json = R"({"type":"auth","userId":)" + std::to_string(habits_.user) + R"(,"ref":)" +
                     quoted(ask({"auth", {}, {}}));
  if (!habits_.v1) {
    auto chosen = std::ranges::find_if(rooms_, [](const auto& room) { return room.second.wanted; });
    if (chosen == rooms_.end()) chosen = rooms_.begin();
    chosen->second.wanted = chosen->second.asked = true;
    return write(json + R"(,"roomId":)" + quoted(chosen->first) + "}");
  }
  if (epoch_ != 0 && random_.flip()) {  // else: each room by itself
    std::string rooms;
    for (auto& [name, view] : rooms_) {
      if (!view.wanted || !view.known || view.epoch != epoch_) continue;
      view.asked = view.resuming = true;
      view.resumed_from = view.last;
      rooms += (rooms.empty() ? "" : ",") + quoted(name) + ":" + std::to_string(view.last);
    }
    json += R"(,"resume":{"epoch":)" + std::to_string(epoch_) + R"(,"rooms":{)" + rooms + "}}";
  }
  write(json + "}");
}

void Client::join(const std::string& name, View& view) {
  if (!habits_.v1) {  // one active room
    for (auto& [other, one] : rooms_) one.wanted = false;
  }
  view.wanted = view.asked = true;
  Asked asked{"join " + name, name, {}};
  std::string json = R"({"type":"join_room","roomId":)" + quoted(name);
  if (habits_.v1 && view.known && random_.permille(900)) {
    asked.after = view.last;
    json +=
        R"(,"afterSeq":)" + std::to_string(view.last) + R"(,"epoch":)" + std::to_string(view.epoch);
  }
  write(json + R"(,"ref":)" + quoted(ask(std::move(asked))) + "}");
}

const std::string* Client::some_room() {
  std::vector<const std::string*> inside;
  for (const auto& [name, view] : rooms_) {
    if (view.in) inside.push_back(&name);
  }
  return inside.empty() ? nullptr : inside[random_.below(inside.size())];
}

void Client::say_something(const std::string& room) {
  Message message;
  message.key = name_ + "-" + std::to_string(next_key_++);
  message.room = room;
  message.content = message.key + ' ';
  message.content.resize(message.content.size() + random_.below(habits_.content_bytes), 'x');
  message.gives_up = random_.permille(300);
  if (random_.permille(100)) {  // without a key: said once, never acknowledged
    write(R"({"type":"chat_message","roomId":)" + quoted(room) + R"(,"content":)" +
          quoted(message.content) + "}");
    return;
  }
  pending_.push_back(std::move(message));
}

void Client::say(Message& message) {
  ++message.attempts;
  message.under_way = true;
  write(R"({"type":"chat_message","roomId":)" + quoted(message.room) + R"(,"content":)" +
        quoted(message.content) + R"(,"clientMessageId":)" + quoted(message.key) + R"(,"ref":)" +
        quoted(ask({"message " + message.key, {}, {}})) + "}");
}

bool Client::speak() {
  const std::string* room = some_room();
  if (!room) return false;
  say_something(*room);
  for (Message& message : pending_) message.gives_up = false;
  next_at_ = now();
  return true;
}

void Client::say_pending() {
  constexpr unsigned at_once = 4;
  unsigned said = 0;
  for (Message& message : pending_) {
    if (said == at_once) return;
    if (message.under_way || message.again_at > now()) continue;
    if (!rooms_[message.room].in) {
      if (habits_.v1) {  // the older dialect may talk from outside
        if (calm_ || random_.permille(200)) rooms_[message.room].wanted = true;
        continue;
      }
    }
    say(message);
    ++said;
  }
}

void Client::do_something() {
  if (random_.permille(habits_.cuts)) {
    did("goes without a word");
    count(Happened::cut);
    // Somewhere within what it was saying.
    if (socket_) socket_->outgoing.resize(random_.below(socket_->outgoing.size() + 1));
    return go(random_.flip());
  }
  if (random_.permille(habits_.lazy)) {
    did("stops reading");
    lazy_until_ = now() + milliseconds{random_.between(100, 30'000)};
    return;
  }
  if (random_.permille(habits_.garbage)) return send_garbage();
  const std::string* room = some_room();
  const std::uint64_t choice = random_.below(100);
  if (!room || choice < 8) {
    auto any = rooms_.begin();
    std::advance(any, static_cast<std::ptrdiff_t>(random_.below(rooms_.size())));
    if (!any->second.asked) join(any->first, any->second);
  } else if (choice < 12 && habits_.v1) {
    View& view = rooms_[*room];
    if (view.asked) return;
    view.wanted = false;
    write(R"({"type":"leave_room","roomId":)" + quoted(*room) + R"(,"ref":)" +
          quoted(ask({"leave " + *room, {}, {}})) + "}");
  } else if (choice < 18) {
    const char* position = random_.flip() ? "afterSeq" : "beforeSeq";
    write(R"({"type":"get_recent_messages","roomId":)" + quoted(*room) + R"(,"limit":)" +
          std::to_string(random_.between(1, 40)) + ",\"" + position +
          "\":" + std::to_string(random_.below(rooms_[*room].last + 2)) + R"(,"ref":)" +
          quoted(ask({"page of " + *room, {}, {}})) + "}");
  } else if (choice < 22) {
    write(R"({"type":"typing","roomId":)" + quoted(*room) + R"(,"isTyping":)" +
          (random_.flip() ? "true}" : "false}"));
  } else if (choice < 27 && habits_.v1) {
    write(R"({"type":"mark_read","roomId":)" + quoted(*room) + R"(,"seq":)" +
          std::to_string(random_.below(rooms_[*room].last + 5)) + R"(,"ref":)" +
          quoted(ask({"mark_read " + *room, {}, {}})) + "}");
  } else if (choice < 30) {
    write(R"({"type":"ping","t":1,"ref":)" + quoted(ask({"ping", {}, {}})) + "}");
  } else if (choice < 36 && !done_.empty()) {
    say(done_[random_.below(done_.size())]);  // again, long after
  } else {
    if (pending_.size() < most_pending) {
      for (std::uint64_t i = random_.between(1, 3); i > 0; --i) say_something(*room);
    }
    say_pending();
  }
}

void Client::send_garbage() {
  did("sends garbage");
  misbehaved_ = true;
  switch (random_.below(6)) {
    case 0:
      return write_frame(1, "{\"type\":");
    case 1:
      return write_frame(1, R"({"type":"no such thing"})");
    case 2:
      return write_frame(2, "binary");
    case 3:
      return write_frame(1, "\xff\xfe");
    case 4:
      socket_->outgoing += std::string{"\x81\x05hello", 7};  // not masked
      return;
    default:
      for (std::uint64_t i = random_.between(1, 200); i > 0; --i) {
        socket_->outgoing += static_cast<char>(random_.next());
      }
  }
}

}  // namespace starling::sim
