// What those may cost a turn who are in no room: requests, whoever has not said who it is, the
// echo; and of members those who are too fast, be it with pings, and whoever fills a receive
// buffer, and the ends of all. Each of their steps counts; once there were some and the turn has
// become old, they are put off (net/connection.hpp), and the next turn begins with them, in the
// order in which they came. Members of rooms, batches and sends come in between.
#include "io/clock.hpp"
#include "shard/core.hpp"

namespace starling::shard {
namespace {

constexpr unsigned receive_steps = 1;  // and what its bytes are worth
constexpr unsigned bytes_of_a_step = 512;
constexpr unsigned message_steps = 1;
// Whoever sends as much has no message that others wait for at once.
constexpr auto full_receive = static_cast<std::int32_t>(io::RingOptions{}.receive_buffer_bytes);
constexpr unsigned request_steps = 4;
constexpr unsigned resumed_steps = 16;  // of bytes that were kept, or of a message's inflation
constexpr unsigned ending_steps = 16;   // to shut a socket is 8 µs of the kernel's

// A receive may bring hundreds of frames that are no messages, or a head.
unsigned steps_of(const io::Completion& completion) {
  if (completion.result == 0) return ending_steps;
  const unsigned bytes = completion.result > 0 ? static_cast<unsigned>(completion.result) : 0;
  return receive_steps + bytes / bytes_of_a_step;
}

bool is_ordinary(const io::Completion& completion) {
  return completion.result != 0 && completion.result < full_receive;
}

}  // namespace

void Core::begin_strangers() {
  stranger_steps_ = 0;
  strangers_are_done_ = false;
  for (std::size_t left = context_.waiting.size(); left > 0 && !strangers_are_done_; --left) {
    const base::Handle handle = context_.waiting.front();
    context_.waiting.pop_front();
    Client* client = clients_.find(handle);
    if (!client) continue;
    client->connection.go_on();
    count_stranger(resumed_steps);
  }
}

// Seldom enough that the clock costs nothing, and at least once whatever the turn has done already.
void Core::count_stranger(unsigned steps) {
  stranger_steps_ += steps;
  if (strangers_are_done_ || stranger_steps_ < options_.stranger_steps) return;
  stranger_steps_ = 0;
  strangers_are_done_ = turn_is_old();
}

bool Core::turn_is_old() const { return io::now() - context_.now >= options_.strangers_until; }

bool Core::is_stranger(const Client& client) {
  const Session* const session = client.session.get();
  return !session || session->places.empty() || session->too_fast;
}

void Core::receive(Client& client, const io::Completion& completion) {
  net::Connection& connection = client.connection;
  if (!is_stranger(client) && is_ordinary(completion)) {
    connection.on_received(completion);
    return;
  }
  if (strangers_are_done_) connection.put_off();
  connection.on_received(completion);
  count_stranger(connection.waits() ? resumed_steps : steps_of(completion));
}

void Core::count_request(net::Connection& connection) {
  count_stranger(request_steps);
  if (strangers_are_done_) connection.put_off();
}

void Core::count_message(net::Connection& connection) {
  count_stranger(message_steps);
  if (strangers_are_done_) connection.put_off();
}

// Pings and pongs cost a member as much of its rate as messages do, but nobody needs to be told
// that there were too many. Beyond it they wait.
void Core::on_control(net::Connection& connection) {
  auto& session = *static_cast<Session*>(connection.owner_data);
  if (!session.places.empty()) {
    session.too_fast = !session.rate.take(rate_rule_, context_.now);
    if (!session.too_fast) return;
    session.rate.put_back(rate_rule_);
  }
  count_message(connection);
}

}  // namespace starling::shard
