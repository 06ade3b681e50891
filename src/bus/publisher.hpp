// Publisher: tells the other servers what this one has committed, and that it is there.
//
// Its thread connects to the broker and comes back to it when it was lost. While there is no
// broker, or one that takes nothing, bodies are numbered and dropped: the others read from the
// archive.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/mailbox.hpp"
#include "base/time.hpp"
#include "bus/amqp.hpp"
#include "bus/back_off.hpp"
#include "bus/body.hpp"
#include "bus/line_transport.hpp"
#include "bus/outbox.hpp"
#include "chat/event.hpp"
#include "chat/fleet_state.hpp"
#include "io/wake.hpp"

namespace starling::bus {

struct BusOptions {
  AmqpAddress address;
  unsigned heartbeat_s = 5;
  unsigned partitions = 8;
  Origin self;
  SigningKey key{};
  chat::FleetState* state = nullptr;  // of publisher and consumer; outlives both
};

struct PublisherMetrics {  // readable from any thread
  std::uint64_t bodies = 0;
  std::uint64_t bytes = 0;
  std::uint64_t bodies_dropped = 0;   // numbered, and not taken by a broker
  std::uint64_t batches_dropped = 0;  // found no room to wait in
  std::uint64_t lines_dropped = 0;
  std::uint64_t connects = 0;
  bool blocked = false;
};

class Publisher final : public chat::CommitListener, public LineTransport {
 public:
  static constexpr base::Duration beat_interval = std::chrono::seconds{1};
  static constexpr std::size_t max_lines = 4'096;  // that wait

  Publisher(const BusOptions& options, io::Wake wake);

  // ---- any thread
  void committed(const chat::CommittedBatchRef& batch) override;
  bool publish(std::string line) override;
  bool up() const override { return options_.state->bus_up(); }
  PublisherMetrics metrics() const;
  void wake() { wake_.notify(); }

  // ---- the publisher's thread
  // Sends what waits. False if there was nothing to do.
  bool turn();
  void wait(base::Duration longest);
  // The last words: what waits, and that nothing follows. Once, instead of further turns.
  void say_farewell();

 private:
  void connect(base::Instant now);
  void lost(base::Instant now, const base::Error& error);
  bool look_after_connection(base::Instant now);
  void drop_all();
  bool send_bodies();
  bool send_lines();
  bool send_beat(BodyKind kind);
  bool send(Body&& body);
  bool usable() const { return connection_ && !connection_->blocked(); }

  const BusOptions options_;
  io::Wake wake_;
  Outbox outbox_;
  base::Mailbox<std::string> lines_;

  std::optional<AmqpConnection> connection_;
  BackOff back_off_;
  base::Instant try_again_{};
  base::Instant next_beat_{};
  bool told_lost_ = false;  // one line of the log for one loss, however often it is tried
  std::vector<Body> bodies_;

  std::atomic<std::uint64_t> sent_bodies_{0};
  std::atomic<std::uint64_t> sent_bytes_{0};
  std::atomic<std::uint64_t> dropped_bodies_{0};
  std::atomic<std::uint64_t> dropped_lines_{0};
  std::atomic<std::uint64_t> connects_{0};
  std::atomic<bool> blocked_{false};
};

}  // namespace starling::bus
