#include "chat/event.hpp"

#include <utility>

namespace starling::chat {

void CommittedBatch::add(Event&& event, std::size_t offset) {
  if (entries.empty() || entries.back().event.room != event.room) {
    buckets.push_back(bucket_of(event.room));
  }
  entries.push_back({std::move(event), offset, frames.size() - offset});
}

}  // namespace starling::chat
