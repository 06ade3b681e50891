#include "bus/consumer.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "base/log.hpp"
#include "bus/event_lines.hpp"
#include "io/clock.hpp"

namespace starling::bus {
namespace {

constexpr base::Duration look_interval = std::chrono::milliseconds{100};

}  // namespace

Consumer::Consumer(const BusOptions& options, io::Wake wake, std::vector<chat::ShardInbox*> inboxes,
                   LineReader* reader)
    : options_(options),
      wake_(std::move(wake)),
      inboxes_(std::move(inboxes)),
      reader_(reader),
      back_off_(~options.self.incarnation),
      touched_(inboxes_.size()) {}

ConsumerMetrics Consumer::metrics() const {
  ConsumerMetrics metrics;
  metrics.bodies = bodies_.load(std::memory_order_relaxed);
  metrics.events = events_.load(std::memory_order_relaxed);
  metrics.refused = refused_.load(std::memory_order_relaxed);
  metrics.holes = holes_.load(std::memory_order_relaxed);
  metrics.connects = connects_.load(std::memory_order_relaxed);
  metrics.servers = servers_.load(std::memory_order_relaxed);
  metrics.silent = silent_.load(std::memory_order_relaxed);
  return metrics;
}

bool Consumer::turn() {
  const base::Instant now = io::now();
  if (!connection_ && now >= try_again_) connect(now);
  unsigned taken = 0;
  while (connection_ && taken < max_turn) {
    base::Result<std::optional<Message>> message = connection_->receive();
    if (!message) {
      lost(now, message.error());
    } else if (*message) {
      ++taken;
      hear(std::move(**message), now);
    } else if (!connection_->has_buffered()) {
      break;
    }
  }
  if (now >= next_look_) look_around(now);
  wake_shards();
  return taken > 0;
}

// The broker's socket and the wake-up are waited for together.
void Consumer::wait(base::Duration longest) {
  if (connection_ && connection_->has_buffered()) return;
  const base::Duration pause = connection_ ? look_interval : try_again_ - io::now();
  wake_.prepare_sleep();
  wake_.wait(std::min(longest, pause), connection_ ? connection_->descriptor() : -1);
  wake_.awake();
}

// ---- the connection --------------------------------------------------------------------------

base::Result<AmqpConnection> Consumer::open_queues() const {
  auto connection = AmqpConnection::open(options_.address, options_.heartbeat_s,
                                         "starling " + options_.self.server + " consumer");
  if (!connection) return connection;
  const auto listen = [&connection](std::string_view exchange, const QueueBounds& bounds,
                                    std::initializer_list<std::string_view> keys) {
    base::Result<std::string> queue = connection->declare_queue(bounds);
    if (!queue) return base::Result<void>{tl::make_unexpected(std::move(queue.error()))};
    base::Result<void> done{};
    for (const std::string_view key : keys) {
      if (done) done = connection->bind(*queue, exchange, key);
    }
    if (done) done = connection->consume(*queue);
    return done;
  };
  base::Result<void> done = connection->declare_exchange(event_exchange, "topic", true);
  if (done) done = connection->declare_exchange(signal_exchange, "fanout", false);
  // All partitions, however many other servers have.
  if (done) done = listen(event_exchange, event_queue, {"chat.*", beat_key});
  if (done) done = listen(signal_exchange, signal_queue, {""});
  if (!done) return tl::make_unexpected(std::move(done.error()));
  return connection;
}

void Consumer::connect(base::Instant now) {
  auto opened = open_queues();
  if (!opened) {
    lost(now, opened.error());
    return;
  }
  connection_ = std::move(*opened);
  back_off_.reset();
  connects_.fetch_add(1, std::memory_order_relaxed);
  told_lost_ = false;
  echo_ = now;
  echo_came_ = false;
  origins_.start_anew(now);
  // The queue begins here; what was said before it is in the archive.
  missed();
}

void Consumer::lost(base::Instant now, const base::Error& error) {
  connection_.reset();
  options_.state->hearing.store(false, std::memory_order_relaxed);
  try_again_ = now + back_off_.next();
  if (std::exchange(told_lost_, true)) return;
  base::log(base::LogLevel::warning,
            "the bus is away: what other servers say is looked for in the archive",
            {{"broker", options_.address.host + ":" + std::to_string(options_.address.port)},
             {"error", error.message}});
}

// ---- what is said ----------------------------------------------------------------------------

void Consumer::hear(Message&& message, base::Instant now) {
  std::optional<Body> body = open(std::move(message), options_.key);
  std::optional<std::vector<std::uint64_t>> numbers;
  const bool beats = body && (body->kind == BodyKind::beat || body->kind == BodyKind::farewell);
  if (beats) numbers = numbers_of(body->text);
  if (!body || (beats && !numbers)) {
    refused_.fetch_add(1, std::memory_order_relaxed);
    return;
  }
  bodies_.fetch_add(1, std::memory_order_relaxed);
  if (body->origin.server == options_.self.server) {
    hear_own(*body, now);
    return;
  }
  bool missing = false;
  switch (body->kind) {
    case BodyKind::events:
      missing = origins_.heard(body->origin, body->partition, body->number, now);
      deliver(*body);
      break;
    case BodyKind::beat:
      missing = origins_.heard(body->origin, *numbers, now);
      break;
    case BodyKind::farewell:
      missing = origins_.heard(body->origin, *numbers, now);
      origins_.gone(body->origin);
      break;
    case BodyKind::lines:
      if (!reader_) break;
      for_each_line(body->text, [&](std::string_view line) {
        if (!line.empty()) reader_->on_line(body->origin, line);
      });
      break;
  }
  if (missing) {
    holes_.fetch_add(1, std::memory_order_relaxed);
    missed();
  }
}

// What this server said has been all the way through the broker.
void Consumer::hear_own(const Body& body, base::Instant now) {
  if (body.kind != BodyKind::beat) return;
  echo_ = now;
  if (std::exchange(echo_came_, true)) return;
  options_.state->hearing.store(true, std::memory_order_relaxed);
  base::log(base::LogLevel::info, "the bus brings what other servers say");
}

void Consumer::deliver(const Body& body) {
  auto batch = std::make_shared<chat::CommittedBatch>();
  batch->epoch = body.epoch;
  std::size_t next = 0;
  for_each_line(body.text, [&](std::string_view line) {
    // What another build says without it is believed as it comes.
    const Link link = next < body.chain.size() ? body.chain[next] : Link{};
    ++next;
    if (!append_event(json_, line, link, *batch)) refused_.fetch_add(1, std::memory_order_relaxed);
  });
  if (body.epoch > epoch_) {  // the shards without these rooms are to hear of it, too
    epoch_ = body.epoch;
    missed();
  }
  if (batch->entries.empty()) return;
  events_.fetch_add(batch->entries.size(), std::memory_order_relaxed);
  for (std::size_t shard = 0; shard < inboxes_.size(); ++shard) {
    if (inboxes_[shard]->committed_elsewhere(batch)) touched_[shard] = true;
  }
}

// ---- what is not said ------------------------------------------------------------------------

void Consumer::look_around(base::Instant now) {
  next_look_ = now + look_interval;
  if (connection_) {
    const base::Duration since = now - echo_;
    if (since >= echo_lost && options_.state->publishing.load(std::memory_order_relaxed)) {
      lost(now, {"nothing comes through it"});
    } else {
      options_.state->hearing.store(echo_came_ && since < echo_limit, std::memory_order_relaxed);
    }
  }
  // While this server hears nobody, silence says nothing about the others.
  if (!options_.state->hearing.load(std::memory_order_relaxed)) {
    origins_.start_anew(now);
  } else if (origins_.look(now)) {
    missed();
  }
  const bool silent = origins_.anybody_silent();
  options_.state->complete.store(!silent, std::memory_order_relaxed);
  silent_.store(silent, std::memory_order_relaxed);
  servers_.store(origins_.size(), std::memory_order_relaxed);
}

void Consumer::missed() {
  for (chat::ShardInbox* inbox : inboxes_) inbox->missed();
  touched_.assign(touched_.size(), true);
}

void Consumer::wake_shards() {
  for (std::size_t shard = 0; shard < inboxes_.size(); ++shard) {
    if (touched_[shard]) inboxes_[shard]->wake();
    touched_[shard] = false;
  }
}

}  // namespace starling::bus
