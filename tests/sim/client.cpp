// What a client hears, held against the protocol.
#include "client.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "frames.hpp"
#include "io/clock.hpp"
#include "judge.hpp"
#include "tally.hpp"

namespace starling::sim {
namespace {

using proto::JsonValue;
using std::chrono::milliseconds;

constexpr std::size_t max_history = 60;

std::uint64_t number(const JsonValue& frame, std::string_view name) {
  const auto value = frame.member(name);
  return value ? value->unsigned_integer().value_or(0) : 0;
}

std::string text(const JsonValue& frame, std::string_view name) {
  const auto value = frame.member(name);
  return std::string{value ? value->string().value_or("") : std::string_view{}};
}

}  // namespace

Client::Client(unsigned number, Habits habits, Random& random, Balancer& balancer, Ledger& ledger)
    : name_("client" + std::to_string(number)),
      habits_(std::move(habits)),
      random_(random),
      balancer_(balancer),
      ledger_(ledger) {
  for (const std::string& room : habits_.rooms) rooms_[room];
  next_at_ = now() + milliseconds{random_.between(0, 500)};
}

base::Instant Client::now() { return io::now(); }

void Client::did(std::string text) {
  judge().heard(name_, text);
  history_.push_back(std::to_string(now().time_since_epoch().count() / 1'000'000) + " ms " +
                     std::move(text));
  if (history_.size() > max_history) history_.pop_front();
}

void Client::broken(const std::string& rule, const std::string& details) {
  judge().broken(rule, name_ + ": " + details);
}

bool Client::in_room(const std::string& room) const {
  const auto view = rooms_.find(room);
  return view != rooms_.end() && stage_ == Stage::ready && view->second.in;
}
chat::Seq Client::seen_in(const std::string& room) const { return rooms_.at(room).last; }
const std::set<chat::UserId>& Client::online_in(const std::string& room) const {
  return rooms_.at(room).online;
}
std::uint64_t Client::count_in(const std::string& room) const { return rooms_.at(room).count; }

void Client::calm() {
  calm_ = true;
  lazy_until_ = {};
  next_at_ = now();
  if (misbehaved_) go(true);
  for (Message& message : pending_) message.gives_up = false;
  // At least one room, so that there is something to hear.
  if (std::ranges::none_of(rooms_, [](const auto& room) { return room.second.wanted; })) {
    rooms_.begin()->second.wanted = true;
  }
}

std::string Client::unsettled() const {
  if (stage_ != Stage::ready) return name_ + " is not connected";
  for (const auto& [name, view] : rooms_) {
    if (view.wanted && !view.in) return name_ + " is not in room " + name;
    if (view.asked) return name_ + " waits to be let into room " + name;
    if (view.in && view.last < ledger_.head(name)) {
      return name_ + " has been given room " + name + " up to " + std::to_string(view.last) +
             ", the head is " + std::to_string(ledger_.head(name));
    }
    if (view.in && view.last_id != 0 && ledger_.id_at(name, view.last) != view.last_id) {
      return name_ + " has been given another event at " + std::to_string(view.last) + " of " +
             name + " than there is";
    }
  }
  if (!pending_.empty()) return name_ + " waits for the acknowledgement of " + pending_[0].key;
  if (!asked_.empty()) {
    return name_ + " waits for the answer to " + asked_.begin()->second.what;
  }
  return {};
}

// ---- the connection --------------------------------------------------------------------------

void Client::on_end(bool reset) {
  did(reset ? "connection reset" : "connection ended");
  socket_.reset();
  go(false);
}

void Client::on_bytes(std::string_view bytes) {
  bytes_ += bytes;
  if (stage_ == Stage::upgrading) {
    const std::size_t end = bytes_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    const std::string head = bytes_.substr(0, bytes_.find('\r'));
    did(head);
    if (!head.starts_with("HTTP/1.1 101")) {
      if (!head.starts_with("HTTP/1.1 503")) {
        broken("an upgrade is accepted", head);
      }
      go(false);
      return;
    }
    bytes_.erase(0, end + 4);
    stage_ = Stage::connected;
    say_who();
  }
  ServerFrame frame;
  while (socket_ && take_server_frame(bytes_, frame)) {
    if (!frame.valid) {
      broken("frames of the server are whole and unmasked", "one was not");
      return;
    }
    if (frame.opcode == 1) {
      did("<- " + frame.payload);
      take_frame(frame.payload);
    } else if (frame.opcode == 8) {
      on_close(frame.payload);
    } else if (frame.opcode == 9) {
      write_frame(10, frame.payload);
    }
  }
}

void Client::on_close(std::string_view payload) {
  unsigned code = 1005;
  if (payload.size() >= 2) {
    code = static_cast<unsigned char>(payload[0]) * 256u + static_cast<unsigned char>(payload[1]);
  }
  did("<- close " + std::to_string(code));
  constexpr std::array<unsigned, 6> fair{1000, 1001, 1013, 4100, 4101, 4301};
  if (!misbehaved_ && std::ranges::find(fair, code) == fair.end()) {
    broken("nobody who keeps to the protocol is closed for breaking it",
           "closed with " + std::to_string(code));
  }
  if (code == 4101) count(Happened::close_slow_reader);
  if (code == 1013) count(Happened::close_try_later);
  going_ = true;
  go(false);
}

// ---- frames ----------------------------------------------------------------------------------

void Client::take_frame(const std::string& json) {
  const std::optional<JsonValue> frame = json_.parse(json);
  if (!frame || !frame->is_object()) return broken("frames are JSON objects", json);
  std::optional<Asked> asked;  // what this answers
  if (const std::string ref = text(*frame, "ref"); !ref.empty()) {
    const auto found = asked_.find(ref);
    if (found == asked_.end()) return broken("an answer comes once", json);
    asked = std::move(found->second);
    asked_.erase(found);
  }
  const std::string type = text(*frame, "type");
  if (type == "welcome") return on_welcome(*frame);
  if (type == "auth_success") return on_authenticated(*frame);
  if (type == "room_joined") return on_joined(*frame, asked);
  if (type == "room_left") return on_left(*frame);
  if (type == "chat_message" || type == "message_deleted") return on_event(*frame);
  if (type == "message_sent") return on_sent(*frame);
  if (type == "recent_messages") return on_page(*frame);
  if (type == "gap") return on_gap(*frame);
  if (type == "user_joined") return on_presence(*frame, true);
  if (type == "user_left") return on_presence(*frame, false);
  if (type == "presence_count") {
    rooms_[text(*frame, "roomId")].count = number(*frame, "onlineCount");
    return;
  }
  if (type == "error") return on_error(*frame, asked);
  if (type == "typing") return on_typing(*frame);
  constexpr std::array<std::string_view, 5> harmless{"read_update", "pong", "user_status",
                                                     "reconnect", "notice"};
  if (std::ranges::find(harmless, type) == harmless.end())
    broken("types of frames are known", json);
}

void Client::on_welcome(const JsonValue& frame) {
  const std::uint64_t epoch = number(frame, "epoch");
  // A server may not have heard of a new one.
  const bool over = ledger_.is_over(epoch_) || ledger_.is_over(epoch);
  if (epoch_ != 0 && epoch != epoch_ && !over) broken("the epoch stays", "it was another one");
}

void Client::on_authenticated(const JsonValue& frame) {
  if (number(frame, "userId") != habits_.user) broken("a session is who it says", "another user");
  stage_ = Stage::ready;
  if (habits_.v1) epoch_ = number(frame, "epoch");
}

void Client::on_joined(const JsonValue& frame, const std::optional<Asked>& asked) {
  const std::string room = text(frame, "roomId");
  View& view = rooms_[room];
  if (!habits_.v1) {  // one active room
    for (auto& [name, other] : rooms_) {
      if (name == room) continue;
      other.in = false;
      other.next = 0;
    }
  }
  std::optional<chat::Seq> after;
  if (asked) {
    after = asked->after;
  } else if (std::exchange(view.resuming, false)) {
    after = view.resumed_from;
  }
  if (after) count(Happened::resume);
  view.in = view.known = true;
  view.asked = false;
  if (!after) {
    view.last_id = 0;
    view.epoch = epoch_;
  }
  view.last = after.value_or(number(frame, "headSeq"));
  view.next = view.last + 1;
  view.count = number(frame, "onlineCount");
  view.online.clear();
  view.typing.clear();
  for (const std::string& user : elements(frame.member("onlineUsers")->text())) {
    view.online.insert(std::stoull(user));
  }
  if (!view.online.contains(habits_.user) && view.count <= 200) {
    broken("who joins is online", "room " + room);
  }
}

void Client::on_left(const JsonValue& frame) {
  View& view = rooms_[text(frame, "roomId")];
  view.in = false;
  view.next = 0;
  view.known = false;
}

ShownEvent Client::event_of(const JsonValue& frame) {
  ShownEvent event;
  event.room = text(frame, "roomId");
  event.seq = number(frame, "seq");
  event.id = number(frame, "id");
  event.deletion = text(frame, "type") == "message_deleted";
  const auto deleted = frame.member("deleted");
  event.deleted = deleted && deleted->boolean().value_or(false);
  event.content = text(frame, "content");
  event.of_seq = number(frame, "ofSeq");
  return event;
}

void Client::on_event(const JsonValue& frame) {
  const ShownEvent event = event_of(frame);
  View& view = rooms_[event.room];
  if (view.next == 0) {
    return broken("nothing comes of a room one is not in",
                  "seq " + std::to_string(event.seq) + " of " + event.room);
  }
  if (event.seq != view.next) {
    return broken("a connection is given each seq once and in order, or a gap",
                  "room " + event.room + ": seq " + std::to_string(event.seq) + " came where " +
                      std::to_string(view.next) + " was due");
  }
  ++view.next;
  view.last = event.seq;
  view.last_id = event.id;
  count(Happened::event_given);
  ledger_.given(name_, event, view.epoch);
}

void Client::on_gap(const JsonValue& frame) {
  const std::string room = text(frame, "roomId");
  const std::string reason = text(frame, "reason");
  View& view = rooms_[room];
  const chat::Seq from = number(frame, "fromSeq");
  const chat::Seq to = number(frame, "toSeq");
  if (reason == "epoch" && ledger_.is_over(view.epoch)) {
    view.epoch = number(frame, "epoch");
    view.last = to;
    view.last_id = 0;
    view.next = to + 1;
    return;
  }
  if (reason == "epoch") {
    return broken("a resume in the same epoch goes on",
                  "room " + room + " was told to start afresh");
  }
  if (view.next == 0 || from != view.next || to < from) {
    return broken("a gap names exactly what was not given",
                  "room " + room + ": " + std::to_string(from) + " to " + std::to_string(to) +
                      " where " + std::to_string(view.next) + " was due");
  }
  count(reason == "too_many" ? Happened::gap_too_many : Happened::gap_slow_reader);
  view.next = to + 1;
  view.last = to;
  view.last_id = 0;
}

void Client::on_sent(const JsonValue& frame) {
  const std::string key = text(frame, "clientMessageId");
  count(Happened::acknowledgement);
  if (frame.member("duplicate")->boolean().value_or(false)) count(Happened::duplicate);
  ledger_.acknowledged(name_, text(frame, "roomId"), habits_.user, key, number(frame, "id"),
                       number(frame, "seq"), epoch_);
  const auto found = std::ranges::find(pending_, key, &Message::key);
  if (found == pending_.end()) return;
  constexpr std::size_t remembered = 8;
  if (done_.size() < remembered) {
    done_.push_back(std::move(*found));
  } else {
    done_[random_.below(remembered)] = std::move(*found);
  }
  pending_.erase(found);
}

void Client::on_page(const JsonValue& frame) {
  const std::vector<std::string> messages = elements(frame.member("messages")->text());
  chat::Seq before = 0;
  for (const std::string& message : messages) {
    const std::optional<JsonValue> parsed = json_.parse(message);
    if (!parsed) return broken("a page is JSON", message);
    const ShownEvent event = event_of(*parsed);
    if (before != 0 && event.seq != before + 1) {
      broken("a page has no hole",
             "seq " + std::to_string(event.seq) + " behind " + std::to_string(before));
    }
    before = event.seq;
    ledger_.given(name_, event, epoch_);
  }
}

void Client::on_presence(const JsonValue& frame, bool joined) {
  View& view = rooms_[text(frame, "roomId")];
  view.count = number(frame, "onlineCount");
  const chat::UserId user = number(frame, "userId");
  if (joined) {
    view.online.insert(user);
  } else {
    view.online.erase(user);
    view.typing.erase(user);
  }
}

void Client::on_typing(const JsonValue& frame) {
  View& view = rooms_[text(frame, "roomId")];
  const auto typing = frame.member("isTyping");
  const chat::UserId user = number(frame, "userId");
  if (typing && typing->boolean().value_or(false)) {
    view.typing.insert(user);
  } else {
    view.typing.erase(user);
  }
}

std::string Client::typing() const {
  for (const auto& [name, view] : rooms_) {
    if (!view.in || view.typing.empty()) continue;
    return name_ + " believes that user " + std::to_string(*view.typing.begin()) + " types in " +
           name;
  }
  return {};
}

void Client::on_error(const JsonValue& frame, const std::optional<Asked>& asked) {
  const std::string code = text(frame, "code");
  const std::string key = text(frame, "clientMessageId");
  if (code == "internal") broken("nothing is rejected by the archive", frame.text());
  const auto wait = milliseconds{number(frame, "retryAfterMs") + random_.between(50, 500)};
  if (!key.empty()) {
    const auto found = std::ranges::find(pending_, key, &Message::key);
    if (found == pending_.end()) return;
    found->under_way = false;
    found->again_at = now() + wait;
    if (code == "not_in_room") {
      View& view = rooms_[found->room];
      view.in = !habits_.v1 && view.in;
      view.wanted = view.wanted || habits_.v1;
    } else if (code == "bad_request" && !misbehaved_) {
      broken("a right message is not refused", frame.text());
    } else if (code == "unavailable" && found->gives_up && found->attempts == 1) {
      count(Happened::certain_refusal);
      ledger_.refused(found->key);
      pending_.erase(found);
    }
    return;
  }
  if (asked && !asked->room.empty()) rooms_[asked->room].asked = false;
  if (asked && stage_ == Stage::ready) return;
  // `auth`, or a room of it, but not said which: each is asked for again.
  for (auto& [name, view] : rooms_) view.asked = false;
}

}  // namespace starling::sim
