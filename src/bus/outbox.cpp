#include "bus/outbox.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include "proto/websocket.hpp"

namespace starling::bus {

void Outbox::post(const chat::CommittedBatchRef& batch) {
  const std::size_t size = batch->frames.size();
  if (waiting_bytes_.load(std::memory_order_relaxed) + size <= max_bytes) {
    waiting_bytes_.fetch_add(size, std::memory_order_relaxed);
    if (batches_.post(chat::CommittedBatchRef{batch})) return;
    waiting_bytes_.fetch_sub(size, std::memory_order_relaxed);
  }
  dropped_.fetch_add(1, std::memory_order_relaxed);
  overflowed_.store(true, std::memory_order_release);
}

void Outbox::take(std::vector<Body>& bodies) {
  // Which partitions lost something is not known any more: each has lost a body.
  if (overflowed_.load(std::memory_order_relaxed) &&
      overflowed_.exchange(false, std::memory_order_acquire)) {
    for (std::uint64_t& number : numbers_) ++number;
  }
  std::size_t bytes = 0;
  while (bytes < take_bytes) {
    const std::optional<chat::CommittedBatchRef> batch = batches_.take();
    if (!batch) break;
    bytes += (*batch)->frames.size();
    waiting_bytes_.fetch_sub((*batch)->frames.size(), std::memory_order_relaxed);
    pack(**batch, bodies);
  }
  for (unsigned partition = 0; partition < open_.size(); ++partition) close(partition, bodies);
}

void Outbox::pack(const chat::CommittedBatch& batch, std::vector<Body>& bodies) {
  const auto partitions = static_cast<unsigned>(open_.size());
  std::string_view room;  // of the entry before: batches have runs of one room
  unsigned partition = 0;
  for (const chat::CommittedBatch::Entry& entry : batch.entries) {
    if (entry.event.room != room) {
      room = entry.event.room;
      partition = partition_of(room, partitions);
    }
    const std::string_view line = proto::payload_of(batch.frame(entry));
    Open& body = open_[partition];
    if (body.events == body_events || body.epoch != batch.epoch ||
        body.text.size() + line.size() + 1 > body_bytes) {
      close(partition, bodies);
    }
    body.epoch = batch.epoch;
    ++body.events;
    body.text.append(line).push_back('\n');
    body.chain.push_back({entry.event.id, entry.event.previous});
  }
  if (!batch.entries.empty()) return;
  // A new epoch, and nothing in it yet.
  close(0, bodies);
  bodies.push_back({BodyKind::events, origin_, batch.epoch, 0, ++numbers_[0], {}, {}});
}

void Outbox::close(unsigned partition, std::vector<Body>& bodies) {
  Open& body = open_[partition];
  if (body.events == 0) return;
  bodies.push_back({BodyKind::events, origin_, body.epoch, partition, ++numbers_[partition],
                    std::move(body.text), std::move(body.chain)});
  body = {};
}

}  // namespace starling::bus
