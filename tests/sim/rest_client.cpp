#include "rest_client.hpp"

#include <charconv>
#include <utility>

#include "io/clock.hpp"
#include "judge.hpp"
#include "tally.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view head_end = "\r\n\r\n";

std::size_t body_size(std::string_view head) {
  constexpr std::string_view name = "Content-Length: ";
  const std::size_t at = head.find(name);
  std::size_t size = 0;
  if (at != std::string_view::npos) {
    std::from_chars(head.data() + at + name.size(), head.data() + head.size(), size);
  }
  return size;
}

}  // namespace

RestClient::RestClient(unsigned number, chat::UserId user, std::vector<std::string> rooms,
                       unsigned pace_ms, Random& random, Balancer& balancer, Ledger& ledger)
    : name_("rest" + std::to_string(number)),
      user_(user),
      rooms_(std::move(rooms)),
      pace_ms_(pace_ms),
      random_(random),
      balancer_(balancer),
      ledger_(ledger) {}

std::string RestClient::unsettled() const {
  return call_ ? name_ + " waits for the answer to " + call_->request.substr(0, 60) : std::string{};
}

void RestClient::act() {
  next_at_ = io::now() + milliseconds{random_.between(1, 2 * pace_ms_)};
  if (retired_) return hang_up();
  if (!call_ && !calm_) think_of_something();
  if (call_ && !call_->under_way) send();
}

void RestClient::think_of_something() {
  call_ = std::make_unique<Call>();
  const bool keeps = random_.flip();
  std::string body;
  std::string head;
  const chat::MessageId victim = random_.permille(300) ? ledger_.some_message(random_) : 0;
  if (victim != 0) {
    call_->deletes = victim;
    head = "DELETE /api/messages/" + std::to_string(victim) + " HTTP/1.1\r\n";
  } else {
    call_->room = rooms_[random_.below(rooms_.size())];
    call_->key = name_ + "-" + std::to_string(next_key_++);
    body = R"({"content":")" + call_->key + R"( by REST","room_id":")" + call_->room +
           R"(","sender_id":)" + std::to_string(user_) + "}";
    head = "POST /api/messages HTTP/1.1\r\nContent-Type: application/json\r\nIdempotency-Key: " +
           call_->key + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n";
  }
  head += keeps ? "Host: 127.0.0.1:8080\r\n" : "Host: 127.0.0.1:8080\r\nConnection: close\r\n";
  call_->request = head + "\r\n" + body;
}

void RestClient::send() {
  if (!socket_) {
    network_ = &balancer_.choose();
    socket_ = network_->connect(this);
    if (!socket_) return;
    count(Happened::connection);
  }
  judge().heard(name_, call_->request);
  socket_->outgoing += call_->request;
  call_->under_way = true;
}

void RestClient::hang_up() {
  if (socket_ && socket_->client) network_->leave(*socket_, false);
  socket_.reset();
  bytes_.clear();
  if (call_) call_->under_way = false;
}

void RestClient::on_end(bool) {
  socket_.reset();
  hang_up();
}

void RestClient::on_bytes(std::string_view bytes) {
  bytes_ += bytes;
  const std::size_t end = bytes_.find(head_end);
  if (end == std::string::npos) return;
  const std::string head = bytes_.substr(0, end);
  const std::size_t size = body_size(head);
  if (bytes_.size() < end + head_end.size() + size) return;
  const std::string body = bytes_.substr(end + head_end.size(), size);
  bytes_.erase(0, end + head_end.size() + size);
  judge().heard(name_, head.substr(0, head.find('\r')) + " " + body);
  unsigned status = 0;
  if (head.starts_with("HTTP/1.1 ")) std::from_chars(head.data() + 9, head.data() + 12, status);
  if (!call_ || !call_->under_way) {
    // A server that waits in vain for the next request may say so.
    if (status != 408) judge().broken("an answer comes once", name_ + ": " + head);
    return hang_up();
  }
  take_answer(status, body);
  if (head.find("Connection: close") != std::string::npos) hang_up();
}

void RestClient::take_answer(unsigned status, const std::string& body) {
  count(Happened::rest_answer);
  call_->under_way = false;
  if (status == 503 || status == 408) return;  // the same again
  const bool deletion = call_->deletes != 0;
  if (status != 200 && (deletion || status != 201)) {
    return judge().broken("a right call is not refused",
                          name_ + ": " + std::to_string(status) + " " + body);
  }
  const std::optional<proto::JsonValue> answer = json_.parse(body);
  if (!answer) return judge().broken("answers are JSON", name_ + ": " + body);
  if (deletion) {
    ledger_.deleted(call_->deletes);
  } else {
    const auto data = answer->member("data");
    const auto id = data ? data->member("id") : std::nullopt;
    const auto seq = data ? data->member("seq") : std::nullopt;
    if (!id || !seq)
      return judge().broken("a post is answered with its message", name_ + ": " + body);
    count(Happened::acknowledgement);
    ledger_.acknowledged(name_, call_->room, user_, call_->key, id->unsigned_integer().value_or(0),
                         seq->unsigned_integer().value_or(0), 0);
  }
  call_.reset();
}

}  // namespace starling::sim
