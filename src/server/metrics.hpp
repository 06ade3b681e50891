// The numbers of all threads as Prometheus text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bus/consumer.hpp"
#include "bus/publisher.hpp"
#include "chat/quotas.hpp"
#include "shard/shard.hpp"
#include "store/archive.hpp"

namespace starling::server {

// Of a server in a fleet.
struct BusMetrics {
  bus::PublisherMetrics publisher;
  bus::ConsumerMetrics consumer;
  bool up = false;
};

// Text of the exposition format 0.0.4. `shards` by index; `bus`
// where there is one.
std::string metrics_text(const std::vector<shard::ShardMetrics>& shards, const chat::Quotas& quotas,
                         const store::WriterMetrics& writer, std::size_t writer_backlog,
                         std::uint64_t dropped_log_lines, const std::optional<BusMetrics>& bus);

}  // namespace starling::server
