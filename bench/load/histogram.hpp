// Histogram: how often each duration was seen, within a thousandth of its size.
//
// Log-linear, as HdrHistogram: below 2,048 ns every nanosecond has a bucket of its own, and each
// doubling above that has 1,024 buckets. A sample costs an addition, so millions a second can be
// counted, and histograms can be added to each other.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace starling::bench {

class Histogram {
 public:
  static constexpr unsigned sub_bucket_bits = 11;
  static constexpr std::uint64_t sub_buckets = std::uint64_t{1} << sub_bucket_bits;
  // A little over an hour; what is longer is counted there.
  static constexpr std::uint64_t max_ns = (std::uint64_t{1} << 42) - 1;

  // Less than nothing (a clock that was read late) counts as nothing.
  void record(std::int64_t duration_ns) {
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(0, duration_ns));
    ++buckets_[bucket_of(std::min(value, max_ns))];
    ++count_;
    max_ns_ = std::max(max_ns_, value);
  }

  void add(const Histogram& other) {
    for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
    count_ += other.count_;
    max_ns_ = std::max(max_ns_, other.max_ns_);
  }

  std::uint64_t count() const { return count_; }
  std::uint64_t highest_ns() const { return max_ns_; }

  // The duration that `share` (0 to 1) of the samples do not exceed; 0 where there are none.
  std::uint64_t percentile_ns(double share) const {
    const auto rank = std::max<std::uint64_t>(
        1, static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(count_))));
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket) {
      seen += buckets_[bucket];
      if (seen >= rank) return std::min(highest_of(bucket), max_ns_);
    }
    return 0;
  }

 private:
  static constexpr unsigned octaves = 42 - sub_bucket_bits;
  static constexpr std::uint64_t half = sub_buckets / 2;

  static std::size_t bucket_of(std::uint64_t value) {
    if (value < sub_buckets) return static_cast<std::size_t>(value);
    const unsigned shift = static_cast<unsigned>(std::bit_width(value)) - sub_bucket_bits;
    return static_cast<std::size_t>(shift * half + (value >> shift));
  }
  // The largest value that falls into a bucket.
  static std::uint64_t highest_of(std::size_t bucket) {
    if (bucket < sub_buckets) return bucket;
    const std::uint64_t shift = bucket / half - 1;
    return ((bucket - shift * half + 1) << shift) - 1;
  }

  std::array<std::uint64_t, sub_buckets + octaves * half> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ns_ = 0;
};

}  // namespace starling::bench
