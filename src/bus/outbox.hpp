// Outbox: from what the writer has committed to numbered bodies for the other servers.
//
// A number is taken before anything can be dropped, so that whoever hears the next one knows that
// something is missing and asks the archive. What finds no room here, or no broker, is dropped.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/mailbox.hpp"
#include "bus/body.hpp"
#include "chat/event.hpp"

namespace starling::bus {

class Outbox {
 public:
  // Of batches that wait, in number and in the bytes of their frames.
  static constexpr std::size_t max_batches = 4'096;
  static constexpr std::size_t max_bytes = std::size_t{32} << 20;
  // Of a body, unless a single event is larger; and of what one take() packs, about.
  static constexpr std::size_t body_events = 256;
  static constexpr std::size_t body_bytes = 64 * 1024;
  static constexpr std::size_t take_bytes = std::size_t{1} << 20;

  Outbox(Origin origin, unsigned partitions)
      : origin_(std::move(origin)),
        batches_(max_batches),
        numbers_(partitions),
        open_(partitions) {}

  // ---- any thread
  void post(const chat::CommittedBatchRef& batch);
  std::uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

  // ---- the publisher's thread
  bool ready() const { return batches_.ready() || overflowed_.load(std::memory_order_relaxed); }
  // Appends bodies of what was posted, in its order, with their numbers. Nothing is left half
  // packed.
  void take(std::vector<Body>& bodies);
  // The newest number of every partition.
  const std::vector<std::uint64_t>& numbers() const { return numbers_; }

 private:
  struct Open {  // a body that is being packed
    std::string text;
    std::vector<Link> chain;
    std::size_t events = 0;
    std::uint64_t epoch = 0;
  };
  void pack(const chat::CommittedBatch& batch, std::vector<Body>& bodies);
  void close(unsigned partition, std::vector<Body>& bodies);

  const Origin origin_;
  base::Mailbox<chat::CommittedBatchRef> batches_;
  std::atomic<std::size_t> waiting_bytes_{0};
  std::atomic<bool> overflowed_{false};
  std::atomic<std::uint64_t> dropped_{0};
  std::vector<std::uint64_t> numbers_;
  std::vector<Open> open_;
};

}  // namespace starling::bus
