// Tables of limits for any number of keys (addresses, users, rooms) in a fixed amount of memory.
//
// Each key has one cell in each of two rows, chosen by its hash, and shares them with whatever else
// falls there. A cell never shows less than the truth of any of its keys, so the emptier of a
// key's two cells is the better estimate, and never too small: nobody gets more than the limit,
// however many keys an attacker makes up, because no cell is ever given away. The price: who shares
// both cells with keys that are at their limit is refused too. With a thousand exhausted keys that
// meets one key in about 70 (8,192 cells to a row: (1,000 / 8,192)²); with ten, one in 670,000.
//
// Shared by all threads, without a lock. Two threads that take for one key in the same few
// nanoseconds may be counted once; counts that go up and down (CountSketch) are exact.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"
#include "chat/rate_limit.hpp"

namespace starling::chat {

using SketchKey = std::uint64_t;  // a hash: all bits matter

inline constexpr std::size_t sketch_cells = 8'192;  // of a row; a power of two

// Token buckets. Each cell is the instant at which its bucket is full again, as in RateLimit.
class RateSketch {
 public:
  // Zero: a token was taken. Otherwise none was, and this long until there is one.
  base::Duration take(SketchKey key, const RateRule& rule, base::Instant now);
  // Takes a token, also where there is none left: the debt is paid off first. How long until the
  // debt is paid and a token there; zero where there was one.
  base::Duration charge(SketchKey key, const RateRule& rule, base::Instant now);
  // How long until take() would find a token. Takes none.
  base::Duration wait(SketchKey key, const RateRule& rule, base::Instant now) const;

 private:
  using Cell = std::atomic<base::Duration::rep>;  // an Instant's count

  base::Instant full_at(SketchKey key) const;
  void raise(SketchKey key, base::Instant full_at);

  std::array<std::array<Cell, sketch_cells>, 2> rows_{};
};

// Things that are held: connections of an address.
class CountSketch {
 public:
  // False: `limit` are held already.
  [[nodiscard]] bool enter(SketchKey key, std::uint32_t limit);
  // Once for each enter() that was granted.
  void leave(SketchKey key);

 private:
  std::array<std::array<std::atomic<std::uint32_t>, sketch_cells>, 2> rows_{};
};

}  // namespace starling::chat
