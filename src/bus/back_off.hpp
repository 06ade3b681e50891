// BackOff: how long to wait before the broker is tried again. Twice as long each time, and not all
// servers at the same moment.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <random>

#include "base/time.hpp"

namespace starling::bus {

class BackOff {
 public:
  static constexpr base::Duration shortest = std::chrono::milliseconds{100};
  // So that a server is back on the bus within seconds of the broker's return.
  static constexpr base::Duration longest = std::chrono::seconds{2};

  explicit BackOff(std::uint64_t seed) : random_(static_cast<std::uint32_t>(seed)) {}

  // Between half of the present pause and all of it; the next one is twice as long.
  base::Duration next() {
    const auto half = pause_.count() / 2;
    const base::Duration wait{half + static_cast<std::int64_t>(random_() % (half + 1))};
    pause_ = std::min(longest, pause_ * 2);
    return wait;
  }
  void reset() { pause_ = shortest; }

 private:
  base::Duration pause_ = shortest;
  std::minstd_rand random_;
};

}  // namespace starling::bus
