// BusLink: this server's end of the bus, with a thread that speaks and one that listens.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "bus/consumer.hpp"
#include "bus/publisher.hpp"
#include "chat/archive.hpp"
#include "chat/fleet_state.hpp"
#include "server/loop.hpp"
#include "starling/config.hpp"

namespace starling::server {

// The broker that bus.url and bus.password_file name. Fails with what is wrong, never with a
// secret.
base::Result<bus::AmqpAddress> broker_address(const Config& config);

// Lives on the main thread.
class BusLink {
 public:
  // `origin`: who this server is to the others. Fails where its settings or the system do.
  static base::Result<std::unique_ptr<BusLink>> make(const Config& config, bus::Origin origin);

  // Before the writer runs: what it commits is to be told.
  bus::Publisher& publisher() { return *publisher_; }
  const chat::FleetState& state() const { return state_; }

  // The threads run from now on. `inboxes` and `reader` (of signals; nullptr: nobody) outlive them.
  base::Result<void> start(std::vector<chat::ShardInbox*> inboxes, bus::LineReader* reader);
  // After the writer has ended: says what is left, and farewell.
  void stop();

  bus::PublisherMetrics publisher_metrics() const { return publisher_->metrics(); }
  bus::ConsumerMetrics consumer_metrics() const;

 private:
  explicit BusLink(bus::BusOptions options) : options_(std::move(options)) {}

  bus::BusOptions options_;
  chat::FleetState state_;
  std::unique_ptr<bus::Publisher> publisher_;
  std::unique_ptr<bus::Consumer> consumer_;
  std::unique_ptr<Loop<bus::Publisher>> publisher_loop_;
  std::unique_ptr<Loop<bus::Consumer>> consumer_loop_;
};

}  // namespace starling::server
