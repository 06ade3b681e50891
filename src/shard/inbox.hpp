// Inbox: where other threads reach a shard. Replies and signals by mailbox, committed batches by a
// ring that is bounded in bytes. Nobody who posts here ever waits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/mailbox.hpp"
#include "chat/archive.hpp"
#include "chat/signal.hpp"

namespace starling::shard {

class Inbox {
 public:
  static constexpr std::size_t max_batches = 1'024;
  static constexpr std::size_t max_batch_bytes = std::size_t{32} << 20;
  static constexpr std::size_t max_signals = 32'768;

  // `max_calls`: how many replies can be outstanding at once; the shard keeps to it.
  explicit Inbox(std::size_t max_calls)
      : replies_(max_calls), batches_(max_batches), signals_(max_signals) {}

  // ---- any thread
  void post_reply(chat::TicketedReply&& reply);
  // A batch that finds no room is dropped; lapped() then tells the shard to fill from the archive.
  void post_batch(const chat::CommittedBatchRef& batch);
  bool post_signal(const chat::Signal& signal);  // false: dropped and counted

  // ---- the shard's thread
  std::optional<chat::TicketedReply> take_reply() { return replies_.take(); }
  std::optional<chat::CommittedBatchRef> take_batch();
  std::optional<chat::Signal> take_signal() { return signals_.take(); }
  // True once after batches were dropped.
  bool lapped() { return lapped_.exchange(false, std::memory_order_acquire); }
  bool ready() const { return replies_.ready() || batches_.ready() || signals_.ready(); }
  std::uint64_t dropped_batches() const { return dropped_batches_.load(std::memory_order_relaxed); }
  std::uint64_t dropped_signals() const { return dropped_signals_.load(std::memory_order_relaxed); }

 private:
  base::Mailbox<chat::TicketedReply> replies_;
  base::Mailbox<chat::CommittedBatchRef> batches_;
  base::Mailbox<chat::Signal> signals_;
  std::atomic<std::size_t> batch_bytes_{0};
  std::atomic<bool> lapped_{false};
  std::atomic<std::uint64_t> dropped_batches_{0};
  std::atomic<std::uint64_t> dropped_signals_{0};
};

}  // namespace starling::shard
