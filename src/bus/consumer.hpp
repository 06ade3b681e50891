// Consumer: hears what the other servers have committed, and brings it to the shards.
//
// Its thread reads a queue of its own that is bound to all events and beats, and another one for
// signals. Each body of events becomes one batch, as the writer's do, for the shards with members
// in its rooms. Whenever something may not have come, all shards compare their rooms with the
// archive.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/time.hpp"
#include "bus/amqp.hpp"
#include "bus/back_off.hpp"
#include "bus/body.hpp"
#include "bus/origins.hpp"
#include "bus/publisher.hpp"
#include "chat/archive.hpp"
#include "io/wake.hpp"
#include "proto/json_reader.hpp"

namespace starling::bus {

struct ConsumerMetrics {  // readable from any thread
  std::uint64_t bodies = 0;
  std::uint64_t events = 0;
  std::uint64_t refused = 0;  // bodies that no server of the fleet signed, lines that are no event
  std::uint64_t holes = 0;    // times at which something was missing
  std::uint64_t connects = 0;
  std::uint64_t servers = 0;  // others that are known
  bool silent = false;        // one of them says nothing
};

class Consumer final {
 public:
  // Of what this server says, until it has come back: then the bus is working, in both directions.
  static constexpr base::Duration echo_limit = std::chrono::milliseconds{2'500};
  // A connection that brings no echo for so long is made again.
  static constexpr base::Duration echo_lost = std::chrono::seconds{5};
  static constexpr QueueBounds event_queue{65'536, 64u << 20, 0};
  static constexpr QueueBounds signal_queue{16'384, 16u << 20, 2'000};

  // `inboxes` and `reader` (nullptr: nobody reads lines) outlive it.
  Consumer(const BusOptions& options, io::Wake wake, std::vector<chat::ShardInbox*> inboxes,
           LineReader* reader);

  // ---- any thread
  ConsumerMetrics metrics() const;
  void wake() { wake_.notify(); }

  // ---- the consumer's thread
  // Takes what has come. False if there was nothing.
  bool turn();
  void wait(base::Duration longest);

 private:
  static constexpr unsigned max_turn = 256;  // messages taken before shards are woken

  void connect(base::Instant now);
  void lost(base::Instant now, const base::Error& error);
  base::Result<AmqpConnection> open_queues() const;
  void hear(Message&& message, base::Instant now);
  void hear_own(const Body& body, base::Instant now);
  void deliver(const Body& body);
  void look_around(base::Instant now);
  void missed();
  void wake_shards();

  const BusOptions options_;
  io::Wake wake_;
  const std::vector<chat::ShardInbox*> inboxes_;
  LineReader* const reader_;
  proto::JsonReader json_{max_body_bytes};
  Origins origins_;
  std::uint64_t epoch_ = 0;  // the newest that was heard of

  std::optional<AmqpConnection> connection_;
  BackOff back_off_;
  base::Instant try_again_{};
  base::Instant next_look_{};
  base::Instant echo_{};    // when this server last heard itself, or connected
  bool echo_came_ = false;  // on this connection
  bool told_lost_ = false;
  std::vector<bool> touched_;  // shards that were given something

  std::atomic<std::uint64_t> bodies_{0};
  std::atomic<std::uint64_t> events_{0};
  std::atomic<std::uint64_t> refused_{0};
  std::atomic<std::uint64_t> holes_{0};
  std::atomic<std::uint64_t> connects_{0};
  std::atomic<std::uint64_t> servers_{0};
  std::atomic<bool> silent_{false};
};

}  // namespace starling::bus
