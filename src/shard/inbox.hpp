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
  std::size_t batches = 1'024;
  std::size_t batch_bytes = std::size_t{32} << 20;
  std::size_t signals = 32'768;
  std::size_t sockets = 4'096;
};

class Inbox {
 public:
  // `max_calls`: how many replies can be outstanding at once; the shard keeps to it.
  explicit Inbox(std::size_t max_calls, const InboxBounds& bounds = {})
      : replies_(max_calls),
        batches_(bounds.batches),
        signals_(bounds.signals),
        sockets_(bounds.sockets),
        max_batch_bytes_(bounds.batch_bytes) {}

  // ---- any thread
  void post_reply(chat::TicketedReply&& reply);
  // A batch that finds no room is dropped; lapped() then tells the shard to fill from the archive.
  void post_batch(const chat::CommittedBatchRef& batch);
  // False: dropped and counted; signals_lost() then tells the shard to ask for what it missed.
  bool post_signal(const chat::Signal& signal);
  // A connection; false: full, it stays the caller's.
  [[nodiscard]] bool post_socket(int socket) { return sockets_.post(int{socket}); }

  // ---- the shard's thread
  std::optional<chat::TicketedReply> take_reply() { return replies_.take(); }
  std::optional<chat::CommittedBatchRef> take_batch();
  std::optional<chat::Signal> take_signal() { return signals_.take(); }
  std::optional<int> take_socket() { return sockets_.take(); }
  // True once after batches were dropped.
  bool lapped() { return take_mark(lapped_); }
  // True once after signals were dropped.
  bool signals_lost() { return take_mark(signals_lost_); }
  bool ready() const {
    return replies_.ready() || batches_.ready() || signals_.ready() || sockets_.ready();
  }
  std::uint64_t dropped_batches() const { return dropped_batches_.load(std::memory_order_relaxed); }
  std::uint64_t dropped_signals() const { return dropped_signals_.load(std::memory_order_relaxed); }

 private:
  static bool take_mark(std::atomic<bool>& mark) {
    return mark.load(std::memory_order_relaxed) && mark.exchange(false, std::memory_order_acquire);
  }

  base::Mailbox<chat::TicketedReply> replies_;
  base::Mailbox<chat::CommittedBatchRef> batches_;
  base::Mailbox<chat::Signal> signals_;
  base::Mailbox<int> sockets_;
  const std::size_t max_batch_bytes_;
  std::atomic<std::size_t> batch_bytes_{0};
  std::atomic<bool> lapped_{false};
  std::atomic<bool> signals_lost_{false};
  std::atomic<std::uint64_t> dropped_batches_{0};
  std::atomic<std::uint64_t> dropped_signals_{0};
};

}  // namespace starling::shard
