// The echo of tests: everything comes back. What is large is deflated in slices, so that its answer
// costs a turn no more than a question does; whoever asked is not read until it is sent.
#include <algorithm>
#include <utility>

#include "shard/core.hpp"

namespace starling::shard {
namespace {

// With 16 MiB each, and as much of an answer.
constexpr std::size_t max_deflations = 4;

}  // namespace

bool Core::echo(Session& session, proto::Opcode kind, std::string_view payload) {
  net::Connection& connection = *session.connection;
  if (session.deflate_window_bits == 0) {
    connection.send_frame(kind, payload);
  } else if (payload.size() <= proto::Deflater::slice_bytes) {
    connection.send_deflated(kind, deflater_.deflate(payload, session.deflate_window_bits));
  } else {
    begin_deflating(session, kind, payload);
    return false;
  }
  connection.flush();
  session.reading = reads_its_echo(connection);
  return session.reading;
}

// A client that does not read its echo is not read either.
bool Core::reads_its_echo(const net::Connection& connection) const {
  return connection.private_bytes() < config_.limits.private_buffer_bytes / 2;
}

void Core::begin_deflating(Session& session, proto::Opcode kind, std::string_view payload) {
  if (deflations_.size() == max_deflations) {
    hang_up(session, proto::CloseCode::try_again_later, "busy");
    return;
  }
  auto begun = std::make_unique<Deflation>();
  begun->client = session.connection->handle();
  begun->kind = kind;
  begun->message = payload;
  begun->deflater.begin(begun->message, session.deflate_window_bits);
  deflations_.push_back(std::move(begun));
  session.reading = false;
}

bool Core::is_deflating(base::Handle client) const {
  return std::ranges::any_of(deflations_,
                             [client](const auto& one) { return one->client == client; });
}

// A slice of each, one after the other, until the turn is old.
void Core::go_on_deflating() {
  for (std::size_t left = deflations_.size(); left > 0; --left) {
    std::unique_ptr<Deflation> one = std::move(deflations_.front());
    deflations_.pop_front();
    Client* client = clients_.find(one->client);
    const bool gone =
        !client || !client->session || client->session->stage == Session::Stage::leaving;
    if (!gone && one->deflater.go_on()) {
      client->connection.send_deflated(one->kind, one->deflater.take());
      client->connection.flush();
      if (reads_its_echo(client->connection)) maybe_resume_reading(*client->session);
    } else if (!gone) {
      deflations_.push_back(std::move(one));
    }
    if (turn_is_old()) return;
  }
}

}  // namespace starling::shard
