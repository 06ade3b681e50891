// Histogram: how often a duration fell into which bucket. Plain numbers of one thread; trivially
// copyable, so that they can be published with others.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace starling::base {

struct Histogram {
  // Upper bounds, inclusive; above the last is one bucket more.
  static constexpr std::array<std::int64_t, 12> bounds_us{250,     500,     1'000,     2'500,
                                                          5'000,   10'000,  25'000,    50'000,
                                                          100'000, 250'000, 1'000'000, 5'000'000};

  std::array<std::uint64_t, bounds_us.size() + 1> buckets{};
  std::uint64_t sum_ns = 0;

  void add(Duration duration) {
    const std::int64_t ns = std::max<std::int64_t>(duration.count(), 0);
    constexpr std::int64_t ns_per_us = 1'000;
    std::size_t bucket = 0;
    while (bucket < bounds_us.size() && ns > bounds_us[bucket] * ns_per_us) ++bucket;
    ++buckets[bucket];
    sum_ns += static_cast<std::uint64_t>(ns);
  }
};

}  // namespace starling::base
