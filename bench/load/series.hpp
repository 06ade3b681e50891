// Series: what a run was like second by second.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "histogram.hpp"

namespace starling::bench {

struct Second {
  std::uint64_t delivered = 0;
  std::uint64_t p50_ns = 0;
  std::uint64_t p99_ns = 0;
  std::uint64_t max_ns = 0;
  std::uint64_t cpu_ns = 0;         // of the servers; 0 where one has died
  std::uint64_t private_bytes = 0;  // of the servers
};

class Series {
 public:
  void record(std::int64_t duration_ns) { current_.record(duration_ns); }

  // Ends the second that is under way, and adds what was in it to `all`.
  void end_second(std::uint64_t cpu_ns, std::uint64_t private_bytes, Histogram& all) {
    all.add(current_);
    seconds_.push_back({current_.count(), current_.percentile_ns(0.5), current_.percentile_ns(0.99),
                        current_.highest_ns(), cpu_ns - std::min(cpu_ns, cpu_before_ns_),
                        private_bytes});
    cpu_before_ns_ = cpu_ns;
    current_ = Histogram{};
  }
  // Ends the last, shorter one.
  void finish(std::uint64_t cpu_ns, std::uint64_t private_bytes, Histogram& all) {
    if (current_.count() > 0) end_second(cpu_ns, private_bytes, all);
  }
  // The first second begins; `cpu_ns` was used before it.
  void begin(std::uint64_t cpu_ns) { cpu_before_ns_ = cpu_ns; }

  const std::vector<Second>& seconds() const { return seconds_; }

 private:
  Histogram current_;
  std::uint64_t cpu_before_ns_ = 0;
  std::vector<Second> seconds_;
};

}  // namespace starling::bench
