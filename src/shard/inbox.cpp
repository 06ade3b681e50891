#include "shard/inbox.hpp"

#include <utility>

#include "base/check.hpp"

namespace starling::shard {

void Inbox::post_reply(chat::TicketedReply&& reply) {
  const bool posted = replies_.post(std::move(reply));
  CHECK(posted);  // the shard has no more calls open than this holds
}

void Inbox::post_batch(const chat::CommittedBatchRef& batch) {
  const std::size_t size = batch->frames.size();
  const bool fits = batch_bytes_.load(std::memory_order_relaxed) + size <= max_batch_bytes_;
  if (fits) {
    batch_bytes_.fetch_add(size, std::memory_order_relaxed);
    if (batches_.post(chat::CommittedBatchRef{batch})) return;
    batch_bytes_.fetch_sub(size, std::memory_order_relaxed);
  }
  dropped_batches_.fetch_add(1, std::memory_order_relaxed);
  lapped_.store(true, std::memory_order_release);
}

bool Inbox::post_signal(const chat::Signal& signal) {
  if (signals_.post(chat::Signal{signal})) return true;
  dropped_signals_.fetch_add(1, std::memory_order_relaxed);
  signals_lost_.store(true, std::memory_order_release);
  return false;
}

std::optional<chat::CommittedBatchRef> Inbox::take_batch() {
  std::optional<chat::CommittedBatchRef> batch = batches_.take();
  if (batch) batch_bytes_.fetch_sub((*batch)->frames.size(), std::memory_order_relaxed);
  return batch;
}

}  // namespace starling::shard
