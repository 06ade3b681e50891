// Histograms: how often a value fell into which bucket. Plain numbers of one thread, trivially
// copyable, so that they can be published with others; or shared, for a reader in another thread.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace starling::base {

// A scale has upper bounds, inclusive; above the last is one bucket more.
struct DurationScale {
  static constexpr std::array<std::uint64_t, 12> bounds{
      250'000,    500'000,    1'000'000,   2'500'000,   5'000'000,     10'000'000,
      25'000'000, 50'000'000, 100'000'000, 250'000'000, 1'000'000'000, 5'000'000'000};  // ns
};
struct CountScale {
  static constexpr std::array<std::uint64_t, 10> bounds{1, 2, 5, 10, 20, 50, 100, 200, 500, 1'000};
};

template <typename Scale>
constexpr std::size_t bucket_of(std::uint64_t value) {
  return static_cast<std::size_t>(std::ranges::lower_bound(Scale::bounds, value) -
                                  Scale::bounds.begin());
}

template <typename Scale>
struct BasicHistogram {
  std::array<std::uint64_t, Scale::bounds.size() + 1> buckets{};
  std::uint64_t sum = 0;

  void add(std::uint64_t value) {
    ++buckets[bucket_of<Scale>(value)];
    sum += value;
  }
};

// Of durations. A clock that went back is none.
struct Histogram : BasicHistogram<DurationScale> {
  void add(Duration duration) {
    BasicHistogram::add(static_cast<std::uint64_t>(std::max<std::int64_t>(duration.count(), 0)));
  }
};

// Written by one thread, readable from any.
template <typename Scale>
class SharedHistogram {
 public:
  void add(std::uint64_t value) {
    buckets_[bucket_of<Scale>(value)].fetch_add(1, std::memory_order_relaxed);
    sum_.fetch_add(value, std::memory_order_relaxed);
  }
  BasicHistogram<Scale> read() const {
    BasicHistogram<Scale> now;
    for (std::size_t i = 0; i < buckets_.size(); ++i) {
      now.buckets[i] = buckets_[i].load(std::memory_order_relaxed);
    }
    now.sum = sum_.load(std::memory_order_relaxed);
    return now;
  }

 private:
  std::array<std::atomic<std::uint64_t>, Scale::bounds.size() + 1> buckets_{};
  std::atomic<std::uint64_t> sum_{0};
};

}  // namespace starling::base
