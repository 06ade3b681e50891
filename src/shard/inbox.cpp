#include "shard/inbox.hpp"

#include <utility>

#include "base/check.hpp"

namespace starling::shard {

bool BatchRing::post(const chat::CommittedBatchRef& batch) {
  const std::size_t size = batch->frames.size();
  if (bytes_.load(std::memory_order_relaxed) + size > max_bytes_) return false;
  bytes_.fetch_add(size, std::memory_order_relaxed);
  if (batches_.post(chat::CommittedBatchRef{batch})) return true;
  bytes_.fetch_sub(size, std::memory_order_relaxed);
  return false;
}

std::optional<chat::CommittedBatchRef> BatchRing::take() {
  std::optional<chat::CommittedBatchRef> batch = batches_.take();
  if (batch) bytes_.fetch_sub((*batch)->frames.size(), std::memory_order_relaxed);
  return batch;
}

void Inbox::post_reply(chat::TicketedReply&& reply) {
  const bool posted = replies_.post(std::move(reply));
  CHECK(posted);  // the shard has no more calls open than this holds
}

void Inbox::post(BatchRing& ring, const chat::CommittedBatchRef& batch) {
  if (ring.post(batch)) return;
  dropped_batches_.fetch_add(1, std::memory_order_relaxed);
  mark_lapped();
}

bool Inbox::post_signal(const chat::Signal& signal) {
  if (signals_.post(chat::Signal{signal})) return true;
  dropped_signals_.fetch_add(1, std::memory_order_relaxed);
  signals_lost_.store(true, std::memory_order_release);
  return false;
}

std::optional<chat::CommittedBatchRef> Inbox::take_batch() {
  std::optional<chat::CommittedBatchRef> batch = batches_.take();
  return batch ? batch : batches_elsewhere_.take();
}

}  // namespace starling::shard
