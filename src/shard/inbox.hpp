// Inbox: where other threads reach a shard. Replies and signals by mailbox, committed batches by a
// ring that is bounded in bytes, connections that another shard has accepted. Nobody who posts here
// ever waits.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>

#include "base/mailbox.hpp"
#include "chat/archive.hpp"
#include "chat/signal.hpp"

namespace starling::shard {

// How much may wait in an inbox; tests make it small so that the bounds are met.
struct InboxBounds {
  std::size_t batches = 1'024;                      // of each producer: the writer, the bus
  std::size_t batch_bytes = std::size_t{32} << 20;  // the same
  std::size_t signals = 32'768;
  std::size_t sockets = 4'096;
};

// Batches of one producer, bounded in number and in bytes.
class BatchRing {
 public:
  BatchRing(std::size_t batches, std::size_t bytes) : batches_(batches), max_bytes_(bytes) {}

  [[nodiscard]] bool post(const chat::CommittedBatchRef& batch);  // the producer; false: full
  std::optional<chat::CommittedBatchRef> take();                  // the shard's thread
  bool ready() const { return batches_.ready(); }

 private:
  base::Mailbox<chat::CommittedBatchRef> batches_;
  const std::size_t max_bytes_;
  std::atomic<std::size_t> bytes_{0};
};

class Inbox {
 public:
  // `max_calls`: how many replies can be outstanding at once; the shard keeps to it.
  explicit Inbox(std::size_t max_calls, const InboxBounds& bounds = {})
      : replies_(max_calls),
        batches_(bounds.batches, bounds.batch_bytes),
        batches_elsewhere_(bounds.batches, bounds.batch_bytes),
        signals_(bounds.signals),
        sockets_(bounds.sockets) {}

  // ---- any thread
  void post_reply(chat::TicketedReply&& reply);
  // A batch that finds no room is dropped; lapped() then tells the shard to fill from the archive.
  void post_batch(const chat::CommittedBatchRef& batch) { post(batches_, batch); }
  void post_batch_elsewhere(const chat::CommittedBatchRef& batch) {
    post(batches_elsewhere_, batch);
  }
  // lapped() tells the shard to fill: something may never have come here.
  void mark_lapped() { lapped_.store(true, std::memory_order_release); }
  // False: dropped and counted; signals_lost() then tells the shard to ask for what it missed.
  bool post_signal(const chat::Signal& signal);
  // A connection; false: full, it stays the caller's.
  [[nodiscard]] bool post_socket(int socket) { return sockets_.post(int{socket}); }

  // ---- the shard's thread
  std::optional<chat::TicketedReply> take_reply() { return replies_.take(); }
  // The writer's first: they are in order, and end the wait of those that came by the bus.
  std::optional<chat::CommittedBatchRef> take_batch();
  std::optional<chat::Signal> take_signal() { return signals_.take(); }
  std::optional<int> take_socket() { return sockets_.take(); }
  // True once after batches were dropped, or may have been on their way.
  bool lapped() { return take_mark(lapped_); }
  // True once after signals were dropped.
  bool signals_lost() { return take_mark(signals_lost_); }
  bool ready() const {
    return replies_.ready() || batches_.ready() || batches_elsewhere_.ready() || signals_.ready() ||
           sockets_.ready() || lapped_.load(std::memory_order_relaxed);
  }
  std::uint64_t dropped_batches() const { return dropped_batches_.load(std::memory_order_relaxed); }
  std::uint64_t dropped_signals() const { return dropped_signals_.load(std::memory_order_relaxed); }

 private:
  static bool take_mark(std::atomic<bool>& mark) {
    return mark.load(std::memory_order_relaxed) && mark.exchange(false, std::memory_order_acquire);
  }

  void post(BatchRing& ring, const chat::CommittedBatchRef& batch);

  base::Mailbox<chat::TicketedReply> replies_;
  BatchRing batches_;
  BatchRing batches_elsewhere_;
  base::Mailbox<chat::Signal> signals_;
  base::Mailbox<int> sockets_;
  std::atomic<bool> lapped_{false};
  std::atomic<bool> signals_lost_{false};
  std::atomic<std::uint64_t> dropped_batches_{0};
  std::atomic<std::uint64_t> dropped_signals_{0};
};

}  // namespace starling::shard
