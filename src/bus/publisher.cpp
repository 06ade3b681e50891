#include "bus/publisher.hpp"

#include <utility>

#include "base/log.hpp"
#include "io/clock.hpp"

namespace starling::bus {

Publisher::Publisher(const BusOptions& options, io::Wake wake)
    : options_(options),
      wake_(std::move(wake)),
      outbox_(options.self, options.partitions),
      lines_(max_lines),
      back_off_(options.self.incarnation) {}

void Publisher::committed(const chat::CommittedBatchRef& batch) {
  outbox_.post(batch);
  wake_.notify();
}

bool Publisher::publish(std::string line) {
  const bool taken = options_.state->publishing.load(std::memory_order_relaxed) &&
                     line.size() <= max_line_bytes && lines_.post(std::move(line));
  if (taken) {
    wake_.notify();
  } else {
    dropped_lines_.fetch_add(1, std::memory_order_relaxed);
  }
  return taken;
}

PublisherMetrics Publisher::metrics() const {
  PublisherMetrics metrics;
  metrics.bodies = sent_bodies_.load(std::memory_order_relaxed);
  metrics.bytes = sent_bytes_.load(std::memory_order_relaxed);
  metrics.bodies_dropped = dropped_bodies_.load(std::memory_order_relaxed);
  metrics.batches_dropped = outbox_.dropped();
  metrics.lines_dropped = dropped_lines_.load(std::memory_order_relaxed);
  metrics.connects = connects_.load(std::memory_order_relaxed);
  metrics.blocked = blocked_.load(std::memory_order_relaxed);
  return metrics;
}

bool Publisher::turn() {
  const base::Instant now = io::now();
  if (!connection_ && now >= try_again_) connect(now);
  if (!connection_ || !look_after_connection(now)) {
    drop_all();
    return false;
  }
  const bool busy = outbox_.ready() || lines_.ready();
  if (!send_bodies() || !send_lines()) return false;
  // Behind the bodies: its numbers are theirs.
  if (now >= next_beat_ && send_beat(BodyKind::beat)) next_beat_ = now + beat_interval;
  return busy;
}

void Publisher::wait(base::Duration longest) {
  const base::Instant until = connection_ ? next_beat_ : try_again_;
  wake_.prepare_sleep();
  if (!outbox_.ready() && !lines_.ready()) {
    wake_.wait(std::min<base::Duration>(longest, until - io::now()));
  }
  wake_.awake();
}

void Publisher::connect(base::Instant now) {
  auto opened = AmqpConnection::open(options_.address, options_.heartbeat_s,
                                     "starling " + options_.self.server + " publisher");
  base::Result<void> ready{};
  if (!opened) {
    ready = tl::make_unexpected(std::move(opened.error()));
  } else {
    ready = opened->declare_exchange(event_exchange, "topic", true);
    if (ready) ready = opened->declare_exchange(signal_exchange, "fanout", false);
  }
  if (!ready) {
    lost(now, ready.error());
    return;
  }
  connection_ = std::move(*opened);
  back_off_.reset();
  next_beat_ = now;
  connects_.fetch_add(1, std::memory_order_relaxed);
  options_.state->publishing.store(true, std::memory_order_relaxed);
  base::log(base::LogLevel::info, "the bus takes what this server says",
            {{"broker", options_.address.host + ":" + std::to_string(options_.address.port)}});
  told_lost_ = false;
}

void Publisher::lost(base::Instant now, const base::Error& error) {
  connection_.reset();
  blocked_.store(false, std::memory_order_relaxed);
  options_.state->publishing.store(false, std::memory_order_relaxed);
  try_again_ = now + back_off_.next();
  if (std::exchange(told_lost_, true)) return;
  base::log(base::LogLevel::warning,
            "the bus is away: other servers find in the archive what this one says",
            {{"broker", options_.address.host + ":" + std::to_string(options_.address.port)},
             {"error", error.message}});
}

// False: nothing can be sent now.
bool Publisher::look_after_connection(base::Instant now) {
  if (const auto served = connection_->serve(); !served) {
    lost(now, served.error());
    return false;
  }
  const bool blocked = connection_->blocked();
  if (blocked != blocked_.exchange(blocked, std::memory_order_relaxed)) {
    options_.state->publishing.store(!blocked, std::memory_order_relaxed);
    base::log(blocked ? base::LogLevel::warning : base::LogLevel::info,
              blocked ? "the broker has run out of memory or disk and takes nothing"
                      : "the broker takes messages again");
    next_beat_ = now;
  }
  return !blocked;
}

void Publisher::drop_all() {
  while (outbox_.ready()) {
    bodies_.clear();
    outbox_.take(bodies_);
    dropped_bodies_.fetch_add(bodies_.size(), std::memory_order_relaxed);
  }
  bodies_.clear();
  while (lines_.take()) dropped_lines_.fetch_add(1, std::memory_order_relaxed);
}

bool Publisher::send_bodies() {
  bodies_.clear();
  outbox_.take(bodies_);
  bool sent = true;
  for (Body& body : bodies_) sent = sent && send(std::move(body));
  return sent;
}

bool Publisher::send_lines() {
  Body body{BodyKind::lines, options_.self, 0, 0, 0, {}};
  while (std::optional<std::string> line = lines_.take()) {
    body.text.append(*line).push_back('\n');
    if (body.text.size() < Outbox::body_bytes) continue;
    if (!send({BodyKind::lines, options_.self, 0, 0, 0, std::exchange(body.text, {})}))
      return false;
  }
  return body.text.empty() || send(std::move(body));
}

bool Publisher::send_beat(BodyKind kind) {
  return send({kind, options_.self, 0, 0, 0, beat_text(outbox_.numbers())});
}

bool Publisher::send(Body&& body) {
  const std::size_t size = body.text.size();
  if (!connection_) {
    dropped_bodies_.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  if (const auto sent = connection_->publish(seal(std::move(body), options_.key)); !sent) {
    dropped_bodies_.fetch_add(1, std::memory_order_relaxed);
    lost(io::now(), sent.error());
    return false;
  }
  sent_bodies_.fetch_add(1, std::memory_order_relaxed);
  sent_bytes_.fetch_add(size, std::memory_order_relaxed);
  return true;
}

void Publisher::say_farewell() {
  if (usable() && send_bodies() && send_beat(BodyKind::farewell)) connection_->close();
  connection_.reset();
  options_.state->publishing.store(false, std::memory_order_relaxed);
}

}  // namespace starling::bus
