// What those may cost a turn who are in no room: requests, whoever has not said who it is, the
// echo, and members while they are too fast. Each of their steps counts; once there were some and
// the turn has become old, they are put off (net/connection.hpp), and the next turn begins with
// them, in the order in which they came. Members of rooms, batches and sends come in between.
#include "io/clock.hpp"
#include "shard/core.hpp"

namespace starling::shard {
namespace {

constexpr unsigned receive_steps = 1;
constexpr unsigned message_steps = 1;
constexpr unsigned request_steps = 4;
constexpr unsigned resumed_steps = 16;  // of bytes that were kept, or of a message's inflation

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
  strangers_are_done_ = io::now() - context_.now >= options_.strangers_until;
}

bool Core::is_stranger(const Client& client) {
  return !client.session || client.session->places.empty();
}

void Core::receive(Client& client, const io::Completion& completion) {
  net::Connection& connection = client.connection;
  if (!is_stranger(client)) {
    connection.on_received(completion);
    return;
  }
  if (strangers_are_done_) connection.put_off();
  connection.on_received(completion);
  count_stranger(connection.waits() ? resumed_steps : receive_steps);
}

void Core::count_request(net::Connection& connection) {
  count_stranger(request_steps);
  if (strangers_are_done_) connection.put_off();
}

void Core::count_message(net::Connection& connection) {
  count_stranger(message_steps);
  if (strangers_are_done_) connection.put_off();
}

}  // namespace starling::shard
