// Ledger: what one member was given of its room's messages 1, 2, 3, ...; exact, whatever happens.
//
// In the good case it is one number. Numbers that were overtaken are kept as ranges until they
// come, so its size grows only with what is missing.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

namespace starling::bench {

enum class Arrival : std::uint8_t {
  in_order,   // later than all before it; what it left out is missing from now on
  reordered,  // one of the missing ones: it was overtaken
  doubled,    // it had come before
};

class Ledger {
 public:
  // `number` is 1 or higher.
  Arrival arrive(std::uint64_t number) {
    if (number > highest_) {
      if (number > highest_ + 1) missing_.push_back({highest_ + 1, number - 1});
      highest_ = number;
      return Arrival::in_order;
    }
    const auto range = std::ranges::find_if(missing_, [number](const Range& candidate) {
      return candidate.first <= number && number <= candidate.last;
    });
    if (range == missing_.end()) return Arrival::doubled;
    const Range whole = *range;
    missing_.erase(range);
    if (whole.first < number) missing_.push_back({whole.first, number - 1});
    if (number < whole.last) missing_.push_back({number + 1, whole.last});
    return Arrival::reordered;
  }

  // How many of the messages 1 to `sent` have not come.
  std::uint64_t missing(std::uint64_t sent) const {
    std::uint64_t count = sent - std::min(sent, highest_);
    for (const Range& range : missing_) count += range.last - range.first + 1;
    return count;
  }

 private:
  struct Range {
    std::uint64_t first;
    std::uint64_t last;
  };

  std::uint64_t highest_ = 0;
  std::vector<Range> missing_;  // below highest_, disjoint, in no order
};

}  // namespace starling::bench
