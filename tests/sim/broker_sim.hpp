// BrokerSim: the bus between simulated servers, as unkind as the bus may be: bodies are lost, come
// twice, late and out of order, queues end with their connections, it takes nothing, it is away,
// and a server may be cut off without a word.
//
// Signals lose their order nowhere (bus/line_transport.hpp): they are lost or late.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "bus/body.hpp"
#include "random.hpp"

namespace starling::sim {

struct BrokerFaults {  // per thousand bodies and queues
  unsigned lost = 0;
  unsigned twice = 0;
  unsigned late = 0;  // up to `latest_ms`, and behind what was said after it
  unsigned latest_ms = 1;
};

class BrokerSim {
 public:
  struct Connection {
    unsigned server = 0;
    bool lost = false;          // at its next call
    base::Instant cut_since{};  // {}: it is not
    bool consumes = false;
    std::multimap<base::Instant, bus::Message> events;
    std::deque<std::pair<base::Instant, bus::Message>> signals;
  };
  static constexpr int first_descriptor = 3'000'000;  // far from all others

  explicit BrokerSim(Random& random);
  ~BrokerSim();
  BrokerSim(const BrokerSim&) = delete;
  BrokerSim& operator=(const BrokerSim&) = delete;
  static BrokerSim& current();

  BrokerFaults faults;
  base::Instant away_until{};
  base::Instant blocked_until{};

  // ---- clients, by the descriptors of their connections
  std::optional<int> connect(unsigned server);  // nothing: nobody answers
  bool works(int descriptor);                   // false: the connection is lost
  void consume(int descriptor) { connections_.at(descriptor).consumes = true; }
  void publish(int descriptor, const bus::Message& message);
  std::optional<bus::Message> receive(int descriptor);
  void leave(int descriptor) { connections_.erase(descriptor); }
  bool blocked() const;

  // ---- the run
  // Whether a wait for the descriptor is over, and when it will be.
  bool readable(int descriptor) const;
  std::optional<base::Instant> next(int descriptor) const;
  void lose_all_connections();
  // Nobody gets the next body of events.
  void lose_next_events() { loses_next_events_ = true; }
  void cut_off(unsigned server, base::Instant until) { cut_off_[server] = until; }
  void heal();

 private:
  bool reachable(unsigned server) const;
  void deliver(Connection& to, const bus::Message& message);

  Random& random_;
  std::map<int, Connection> connections_;
  std::map<unsigned, base::Instant> cut_off_;
  int next_descriptor_ = first_descriptor;
  bool loses_next_events_ = false;
};

}  // namespace starling::sim
