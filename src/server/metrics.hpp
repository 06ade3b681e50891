// The numbers of all threads as Prometheus text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bus/consumer.hpp"
#include "bus/publisher.hpp"
#include "chat/memory_ladder.hpp"
#include "chat/quotas.hpp"
#include "shard/shard.hpp"
#include "store/archive.hpp"

namespace starling::server {

// Of a server in a fleet.
struct BusMetrics {
  bus::PublisherMetrics publisher;
  bus::ConsumerMetrics consumer;
  std::uint64_t lines_refused = 0;
  bool up = false;
};

struct ServerMetrics {
  std::vector<shard::ShardMetrics> shards;  // by index
  const chat::Quotas& quotas;
  const chat::MemoryLadder& memory;
  store::WriterMetrics writer;
  std::size_t writer_backlog = 0;
  std::optional<BusMetrics> bus{};  // where there is one
  std::uint64_t dropped_log_lines = 0;
  std::size_t stalled_threads = 0;
  bool last_reload_successful = true;
};

// Text of the exposition format 0.0.4.
std::string metrics_text(const ServerMetrics& server);

// docs/metrics.md.
std::string metrics_page();

}  // namespace starling::server
