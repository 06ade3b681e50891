// Mailbox: the bounded queue by which one thread reaches another thread's objects.
//
// Any number of producers, one consumer, no lock: D. Vyukov's bounded queue, in which every cell
// carries the number of the turn in which it may next be written or read. A full mailbox refuses;
// whoever posts decides what that means (for a shard: `unavailable` to the client).
#pragma once

#include <atomic>
#include <bit>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.hpp"

namespace starling::base {

template <typename Item>
class Mailbox {
 public:
  // `capacity` is rounded up to a power of two; at least 2.
  explicit Mailbox(std::size_t capacity)
      : mask_(std::bit_ceil(capacity < 2 ? std::size_t{2} : capacity) - 1),
        cells_(std::make_unique<Cell[]>(mask_ + 1)) {
    for (std::size_t i = 0; i <= mask_; ++i) cells_[i].turn.store(i, std::memory_order_relaxed);
  }

  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  std::size_t capacity() const { return mask_ + 1; }

  // Any thread. False when full: `item` is then untouched.
  [[nodiscard]] bool post(Item&& item) {
    std::size_t position = tail_.load(std::memory_order_relaxed);
    while (true) {
      Cell& cell = cells_[position & mask_];
      const std::size_t turn = cell.turn.load(std::memory_order_acquire);
      if (turn == position) {
        if (tail_.compare_exchange_weak(position, position + 1, std::memory_order_relaxed)) {
          cell.item.emplace(std::move(item));
          cell.turn.store(position + 1, std::memory_order_release);
          return true;
        }
      } else if (turn < position) {
        return false;
      } else {
        position = tail_.load(std::memory_order_relaxed);
      }
    }
  }

  // The consumer's thread only. Empty when nothing has been posted.
  std::optional<Item> take() {
    Cell& cell = cells_[head_ & mask_];
    if (cell.turn.load(std::memory_order_acquire) != head_ + 1) return std::nullopt;
    std::optional<Item> item{std::move(*cell.item)};
    cell.item.reset();
    cell.turn.store(head_ + mask_ + 1, std::memory_order_release);
    ++head_;
    return item;
  }

  // The consumer's thread only: whether take() would find something.
  bool ready() const {
    return cells_[head_ & mask_].turn.load(std::memory_order_acquire) == head_ + 1;
  }

 private:
  struct Cell {
    std::atomic<std::size_t> turn{0};
    std::optional<Item> item;
  };

  const std::size_t mask_;
  const std::unique_ptr<Cell[]> cells_;
  alignas(64) std::atomic<std::size_t> tail_{0};
  alignas(64) std::size_t head_ = 0;
};

}  // namespace starling::base
