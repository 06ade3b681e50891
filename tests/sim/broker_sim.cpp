#include "broker_sim.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "fiber.hpp"
#include "io/clock.hpp"
#include "tally.hpp"

namespace starling::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

// Two heartbeats of 5 s: then a connection through which nothing comes is lost.
constexpr base::Duration heartbeats = seconds{10};

BrokerSim* current_broker = nullptr;

}  // namespace

BrokerSim::BrokerSim(Random& random) : random_(random) { current_broker = this; }
BrokerSim::~BrokerSim() { current_broker = nullptr; }
BrokerSim& BrokerSim::current() { return *current_broker; }

bool BrokerSim::reachable(unsigned server) const {
  const auto cut = cut_off_.find(server);
  return io::now() >= away_until && (cut == cut_off_.end() || io::now() >= cut->second);
}

bool BrokerSim::blocked() const { return io::now() < blocked_until; }

std::optional<int> BrokerSim::connect(unsigned server) {
  Fiber::wait_until(io::now() + microseconds{random_.below(2'000)});
  const Fiber* const fiber = Fiber::current();
  if (fiber && fiber->abandoned()) return std::nullopt;
  if (!reachable(server)) {
    if (random_.flip()) Fiber::wait_until(io::now() + seconds{2});
    return std::nullopt;
  }
  connections_[next_descriptor_].server = server;
  return next_descriptor_++;
}

bool BrokerSim::works(int descriptor) {
  Connection& connection = connections_.at(descriptor);
  if (reachable(connection.server)) {
    connection.cut_since = {};
  } else if (connection.cut_since == base::Instant{}) {
    connection.cut_since = io::now();
  } else if (io::now() - connection.cut_since >= heartbeats) {
    connection.lost = true;
  }
  return !connection.lost;
}

void BrokerSim::publish(int descriptor, const bus::Message& message) {
  if (!reachable(connections_.at(descriptor).server)) return;
  const bool events = message.routing_key.starts_with(bus::event_key_prefix);
  if (events && std::exchange(loses_next_events_, false)) return;
  for (auto& [number, connection] : connections_) {
    if (connection.consumes && !connection.lost) deliver(connection, message);
  }
}

void BrokerSim::deliver(Connection& to, const bus::Message& message) {
  if (!reachable(to.server)) return;  // waits there for nobody: the connection will be lost
  if (random_.permille(faults.lost)) {
    count(Happened::body_lost);
    return;
  }
  base::Instant at = io::now() + microseconds{random_.between(50, 2'000)};
  if (random_.permille(faults.late)) {
    count(Happened::body_late);
    at += milliseconds{random_.between(1, faults.latest_ms)};
  }
  if (message.exchange == bus::signal_exchange) {
    if (!to.signals.empty()) at = std::max(at, to.signals.back().first);
    to.signals.emplace_back(at, message);
    return;
  }
  to.events.emplace(at, message);
  if (!random_.permille(faults.twice)) return;
  count(Happened::body_twice);
  to.events.emplace(at + milliseconds{random_.below(faults.latest_ms)}, message);
}

std::optional<bus::Message> BrokerSim::receive(int descriptor) {
  Connection& connection = connections_.at(descriptor);
  if (!readable(descriptor) || !reachable(connection.server)) return std::nullopt;
  const bool event = !connection.events.empty() && connection.events.begin()->first <= io::now();
  const bool signal = !connection.signals.empty() && connection.signals.front().first <= io::now();
  bus::Message message;
  if (event && (!signal || random_.flip())) {
    message = std::move(connection.events.begin()->second);
    connection.events.erase(connection.events.begin());
  } else if (signal) {
    message = std::move(connection.signals.front().second);
    connection.signals.pop_front();
  } else {
    return std::nullopt;
  }
  return message;
}

bool BrokerSim::readable(int descriptor) const {
  const auto found = connections_.find(descriptor);
  if (found == connections_.end()) return false;
  const std::optional<base::Instant> at = next(descriptor);
  return found->second.lost || (at && *at <= io::now() && reachable(found->second.server));
}

std::optional<base::Instant> BrokerSim::next(int descriptor) const {
  const auto found = connections_.find(descriptor);
  if (found == connections_.end()) return std::nullopt;
  const Connection& connection = found->second;
  std::optional<base::Instant> at;
  if (!connection.events.empty()) at = connection.events.begin()->first;
  if (!connection.signals.empty()) {
    at = at ? std::min(*at, connection.signals.front().first) : connection.signals.front().first;
  }
  return at;
}

void BrokerSim::lose_all_connections() {
  for (auto& [descriptor, connection] : connections_) {
    if (connection.lost) continue;
    connection.lost = true;
    connection.events.clear();
    connection.signals.clear();
    count(Happened::bus_loss);
  }
}

void BrokerSim::heal() {
  faults = {};
  away_until = blocked_until = {};
  cut_off_.clear();
}

}  // namespace starling::sim
