// The numbers of all threads as Prometheus text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "chat/quotas.hpp"
#include "shard/shard.hpp"
#include "store/archive.hpp"

namespace starling::server {

// Text of the exposition format 0.0.4. `shards` by index.
std::string metrics_text(const std::vector<shard::ShardMetrics>& shards, const chat::Quotas& quotas,
                         const store::WriterMetrics& writer, std::size_t writer_backlog,
                         std::uint64_t dropped_log_lines);

}  // namespace starling::server
