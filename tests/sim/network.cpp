#include "network.hpp"

#include <poll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "fault.hpp"
#include "io/clock.hpp"
#include "judge.hpp"
#include "ring_sim.hpp"
#include "tally.hpp"

namespace starling::sim {
namespace {

using std::chrono::milliseconds;

Network* current_network = nullptr;
constexpr int first_descriptor = Network::listener + 1;

std::string name_of(const Socket& socket) {
  return "descriptor " + std::to_string(socket.descriptor);
}

io::Completion completion_of(io::Token token, std::int32_t result) {
  io::Completion completion;
  completion.token = token;
  completion.result = result;
  return completion;
}

bool same(io::Token a, io::Token b) { return a.operation == b.operation && a.owner == b.owner; }

}  // namespace

Network::Network(Random& random, const NetworkFaults& faults) : random_(random), faults_(faults) {}
Network::~Network() {
  if (current_network == this) current_network = nullptr;
}
void Network::make_current() { current_network = this; }
Network& Network::current() { return *current_network; }

// ---- clients ---------------------------------------------------------------------------------

std::shared_ptr<Socket> Network::connect(Endpoint* client) {
  if (!listening_) return nullptr;
  auto socket = std::make_shared<Socket>();
  socket->client = client;
  socket->to_server_limit = random_.between(64, faults_.pipe_bytes);
  socket->to_client_limit = random_.between(256, faults_.pipe_bytes);
  backlog_.push_back(socket);
  return socket;
}

void Network::leave(Socket& socket, bool with_reset) {
  socket.client = nullptr;
  if (with_reset) {
    socket.reset = true;
    socket.to_server.clear();
    socket.outgoing.clear();
  } else {
    socket.client_ends = true;
  }
}

// ---- what happens next -----------------------------------------------------------------------

void Network::set_listening(bool listening) { listening_ = listening; }

bool Network::can_receive(const Socket& socket) const {
  if (!socket.receive || !socket.receive->submitted) return false;
  if (socket.receive->cancelled || socket.reset || !socket.to_server.empty()) return true;
  if (socket.client_ends && socket.outgoing.empty()) return true;
  return socket.shut_read && !socket.receive->stubborn;
}

bool Network::can_send(const Socket& socket) const {
  if (!socket.send || !socket.send->submitted) return false;
  if (socket.send->cancelled || socket.reset) return true;
  if (socket.shut_write) return !socket.send->stubborn;
  return !socket.client || socket.to_client.size() < socket.to_client_limit;
}

void Network::collect() {
  possible_.clear();
  using What = Possible::What;
  if (acceptance_ && (acceptance_->cancelled || !backlog_.empty())) {
    possible_.push_back({nullptr, What::accept});
  }
  std::erase_if(sockets_,
                [](const auto& socket) { return socket->descriptor < 0 && !socket->client; });
  for (const auto& socket : sockets_) {
    if (socket->frozen_until > io::now()) continue;
    if (can_receive(*socket)) possible_.push_back({socket, What::receive});
    if (can_send(*socket)) possible_.push_back({socket, What::send});
    if (!socket->outgoing.empty() && socket->descriptor >= 0 && !socket->reset &&
        socket->to_server.size() < socket->to_server_limit) {
      possible_.push_back({socket, What::carry});
    }
    const bool ended = socket->reset || socket->server_gone || socket->shut_write;
    if (socket->client && (ended || !socket->to_client.empty()) && socket->client->reading()) {
      possible_.push_back({socket, What::read});
    }
  }
}

bool Network::step() {
  collect();
  if (possible_.empty()) return false;
  const Possible chosen = possible_[random_.below(possible_.size())];
  switch (chosen.what) {
    case Possible::What::accept:
      do_accept();
      break;
    case Possible::What::receive:
      do_receive(*chosen.socket);
      break;
    case Possible::What::send:
      do_send(*chosen.socket);
      break;
    case Possible::What::carry:
      do_carry(*chosen.socket);
      break;
    case Possible::What::read:
      do_read(*chosen.socket);
      break;
  }
  if (chosen.socket && random_.permille(faults_.freeze)) {
    chosen.socket->frozen_until = io::now() + milliseconds{random_.between(1, 3'000)};
  }
  return true;
}

std::optional<base::Instant> Network::next_thaw() const {
  std::optional<base::Instant> next;
  for (const auto& socket : sockets_) {
    if (socket->frozen_until <= io::now()) continue;
    if (!next || socket->frozen_until < *next) next = socket->frozen_until;
  }
  return next;
}

void Network::heal() {
  faults_.short_send = faults_.failed_send = faults_.ended_multishot = 0;
  faults_.failed_accept = faults_.stubborn = faults_.freeze = 0;
}

std::size_t Network::piece_of(std::size_t bytes) {
  if (bytes <= 1 || !random_.permille(faults_.small_pieces)) return bytes;
  return random_.between(1, random_.flip() ? bytes : std::min<std::size_t>(bytes, 16));
}

void Network::do_accept() {
  const Acceptance to = *acceptance_;
  if (to.cancelled) {
    acceptance_.reset();
    to.ring->complete(-1, completion_of(to.token, -ECANCELED));
    return;
  }
  const bool ends = random_.permille(faults_.ended_multishot) || fails(Fault::shortfall);
  const bool refused = random_.permille(faults_.failed_accept) || fails(Fault::completion);
  if (ends) count(Happened::ended_multishot);
  if (ends || refused) acceptance_.reset();
  if (refused) {
    to.ring->complete(-1, completion_of(to.token, random_.flip() ? -EMFILE : -ECONNABORTED));
    return;
  }
  std::shared_ptr<Socket> socket = std::move(backlog_.front());
  backlog_.pop_front();
  int descriptor = first_descriptor;  // the lowest that is free
  while (std::ranges::any_of(sockets_,
                             [&](const auto& one) { return one->descriptor == descriptor; })) {
    ++descriptor;
  }
  socket->descriptor = descriptor;
  sockets_.push_back(std::move(socket));
  io::Completion completion = completion_of(to.token, descriptor);
  completion.armed = !ends;
  to.ring->complete(descriptor, completion);
}

void Network::do_receive(Socket& socket) {
  Flight& flight = *socket.receive;
  SimRing* const ring = flight.ring;
  io::Completion completion = completion_of(flight.token, 0);
  const bool deaf = socket.shut_read && random_.flip();  // what had come is thrown away
  if (flight.cancelled) {
    completion.result = -ECANCELED;
  } else if (flight.token.operation == io::Operation::poll) {
    count(Happened::parked_woken);
    completion.result = fails(Fault::completion) ? -ENOMEM : POLLIN;
  } else if (socket.reset) {
    completion.result = -ECONNRESET;
  } else if (fails(Fault::completion)) {
    completion.result = -ENOMEM;  // and the client knows nothing of it
  } else if (!socket.to_server.empty() && !deaf) {
    std::optional<std::uint16_t> buffer;
    if (!fails(Fault::shortfall)) buffer = ring->lend();
    if (!buffer) {
      completion.result = -ENOBUFS;
      count(Happened::no_receive_buffer);
    } else {
      const std::size_t limit =
          std::min<std::size_t>(socket.to_server.size(), faults_.receive_buffer_bytes);
      const std::size_t size = piece_of(limit);
      completion.result = static_cast<std::int32_t>(size);
      completion.armed = !random_.permille(faults_.ended_multishot);
      if (!completion.armed) count(Happened::ended_multishot);
      completion.has_buffer = true;
      completion.buffer = *buffer;
      completion.bytes = ring->fill(*buffer, {socket.to_server.data(), size});
      socket.to_server.erase(0, size);
    }
  }  // else: the end of the stream
  if (!completion.armed) socket.receive.reset();
  ring->complete(socket.descriptor, completion);
}

void Network::finish_send(Socket& socket, std::int32_t result) {
  const Flight flight = std::move(*socket.send);
  socket.send.reset();
  // Also what was not copied: until the completion it belongs to the kernel.
  std::size_t at = 0;
  for (std::size_t i = 0; i < flight.ranges.size(); ++i) {
    const iovec& range = flight.ranges[i];
    const bool moved = flight.message && (flight.message->msg_iov[i].iov_base != range.iov_base ||
                                          flight.message->msg_iov[i].iov_len != range.iov_len);
    if (moved || std::memcmp(range.iov_base, flight.bytes.data() + at, range.iov_len) != 0) {
      judge().broken("a buffer given to the kernel is not touched until its completion",
                     name_of(socket) + ", range " + std::to_string(i));
      break;
    }
    at += range.iov_len;
  }
  flight.ring->complete(socket.descriptor, completion_of(flight.token, result));
}

void Network::do_send(Socket& socket) {
  Flight& flight = *socket.send;
  const auto sent_or = [&](std::int32_t error) {
    return flight.sent > 0 ? static_cast<std::int32_t>(flight.sent) : error;
  };
  if (flight.cancelled) return finish_send(socket, sent_or(-ECANCELED));
  if (socket.reset) return finish_send(socket, -ECONNRESET);
  if (socket.shut_write) return finish_send(socket, sent_or(-EPIPE));
  if (!socket.client || random_.permille(faults_.failed_send)) {
    socket.reset = true;
    return finish_send(socket, sent_or(random_.flip() ? -ECONNRESET : -EPIPE));
  }
  if (fails(Fault::completion)) return finish_send(socket, sent_or(-ENOMEM));
  const std::size_t space = socket.to_client_limit - socket.to_client.size();
  const bool short_of_it = fails(Fault::shortfall);
  std::size_t size = piece_of(std::min(space, flight.bytes.size() - flight.sent));
  if (short_of_it && size > 1) size /= 2;
  // From the sender's memory as it is now, range by range.
  std::size_t skip = flight.sent;
  std::size_t left = size;
  for (const iovec& range : flight.ranges) {
    if (skip >= range.iov_len) {
      skip -= range.iov_len;
      continue;
    }
    const std::size_t part = std::min(left, range.iov_len - skip);
    socket.to_client.append(static_cast<const char*>(range.iov_base) + skip, part);
    skip = 0;
    left -= part;
    if (left == 0) break;
  }
  flight.sent += size;
  const bool whole = flight.sent == flight.bytes.size();
  if (whole || random_.permille(faults_.short_send) || short_of_it) {
    if (!whole) count(Happened::short_send);
    finish_send(socket, static_cast<std::int32_t>(flight.sent));
  }
}

void Network::do_carry(Socket& socket) {
  const std::size_t space = socket.to_server_limit - socket.to_server.size();
  const std::size_t size = piece_of(std::min(space, socket.outgoing.size()));
  socket.to_server.append(socket.outgoing, 0, size);
  socket.outgoing.erase(0, size);
}

void Network::do_read(Socket& socket) {
  if (socket.reset || socket.to_client.empty()) {
    std::exchange(socket.client, nullptr)->on_end(socket.reset);
    return;
  }
  const std::size_t size = piece_of(socket.to_client.size());
  const std::string bytes = socket.to_client.substr(0, size);
  socket.to_client.erase(0, size);
  socket.client->on_bytes(bytes);
}

// ---- what rings ask --------------------------------------------------------------------------

Socket* Network::find(int descriptor, const char* call) {
  for (const auto& socket : sockets_) {
    if (socket->descriptor == descriptor) return socket.get();
  }
  judge().broken("a descriptor is used while it is open",
                 std::string{call} + " on descriptor " + std::to_string(descriptor));
  return nullptr;
}

void Network::forget(SimRing* ring) { std::erase(rings_, ring); }

void Network::accept(SimRing* ring, int descriptor, io::Token token) {
  CHECK(descriptor == listener);
  if (acceptance_) judge().broken("one accept is in flight on the listener", "a second one");
  acceptance_ = Acceptance{ring, token};
}

void Network::start_receive(SimRing* ring, int descriptor, io::Token token) {
  Socket* socket = find(descriptor, "receive");
  if (!socket) return;
  if (socket->receive) {
    judge().broken("at most one receive is in flight per socket", name_of(*socket));
    return;
  }
  Flight& flight = socket->receive.emplace();
  flight.token = token;
  flight.ring = ring;
}

void Network::start_send(SimRing* ring, int descriptor, io::Token token, std::vector<iovec> ranges,
                         const msghdr* message) {
  Socket* socket = find(descriptor, "send");
  if (!socket) return;
  if (socket->send) {
    judge().broken("at most one send is in flight per socket", name_of(*socket));
    return;
  }
  Flight& flight = socket->send.emplace();
  flight.token = token;
  flight.ring = ring;
  flight.ranges = std::move(ranges);
  flight.message = message;
  for (const iovec& range : flight.ranges) {
    flight.bytes.append(static_cast<const char*>(range.iov_base), range.iov_len);
  }
}

void Network::submit(SimRing* ring) {
  for (const auto& socket : sockets_) {
    if (socket->receive && socket->receive->ring == ring) socket->receive->submitted = true;
    if (socket->send && socket->send->ring == ring) socket->send->submitted = true;
  }
}

void Network::cancel(SimRing* ring, io::Token target) {
  for (const auto& socket : sockets_) {
    for (std::optional<Flight>* flight : {&socket->receive, &socket->send}) {
      if (*flight && (*flight)->ring == ring && same((*flight)->token, target)) {
        (*flight)->cancelled = true;
        socket->frozen_until = {};
      }
    }
  }
  if (acceptance_ && acceptance_->ring == ring && same(acceptance_->token, target)) {
    acceptance_->cancelled = true;
  }
}

void Network::shutdown(int descriptor, int how) {
  Socket* socket = find(descriptor, "shutdown");
  if (!socket) return;
  socket->shut_write = true;
  if (how != SHUT_RDWR) return;
  socket->shut_read = true;
  if (socket->receive) socket->receive->stubborn = random_.permille(faults_.stubborn);
  if (socket->send) socket->send->stubborn = random_.permille(faults_.stubborn);
}

void Network::close(int descriptor) {
  Socket* socket = find(descriptor, "close");
  if (!socket) return;
  if (listening_ &&
      (socket->receive || socket->send || std::ranges::any_of(rings_, [&](const SimRing* ring) {
         return ring->has_completion_of(descriptor);
       }))) {
    judge().broken("a descriptor is closed when nothing is in flight on it", name_of(*socket));
  }
  socket->receive.reset();
  socket->send.reset();
  if (!socket->to_server.empty()) socket->reset = true;  // unread bytes: the peer sees a reset
  socket->server_gone = true;
  socket->descriptor = -1;
}

void Network::process_ended(bool power_lost) {
  acceptance_.reset();
  for (const auto& socket : backlog_) sockets_.push_back(socket);
  backlog_.clear();
  for (const auto& socket : sockets_) {
    socket->receive.reset();
    socket->send.reset();
    socket->descriptor = -1;
    socket->server_gone = true;
    if (power_lost && !socket->to_client.empty()) {
      socket->to_client.resize(random_.below(socket->to_client.size()));
    }
    socket->reset = socket->reset || random_.flip();
  }
}

}  // namespace starling::sim
