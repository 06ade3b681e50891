#include "histogram.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <memory>
#include <random>
#include <vector>

namespace starling::bench {
namespace {

TEST(HistogramTest, small_durations_are_exact) {
  const auto histogram = std::make_unique<Histogram>();
  for (int duration = 1; duration <= 2'000; ++duration) histogram->record(duration);
  EXPECT_EQ(histogram->count(), 2'000u);
  EXPECT_EQ(histogram->percentile_ns(0.5), 1'000u);
  EXPECT_EQ(histogram->percentile_ns(0.999), 1'998u);
  EXPECT_EQ(histogram->percentile_ns(1), 2'000u);
}

TEST(HistogramTest, percentiles_are_within_a_thousandth_of_the_sorted_samples) {
  const auto histogram = std::make_unique<Histogram>();
  std::mt19937_64 random{7};
  std::lognormal_distribution<double> durations{14, 2};  // about a millisecond, with a long tail
  std::vector<std::int64_t> samples(100'000);
  for (std::int64_t& sample : samples) {
    sample = static_cast<std::int64_t>(durations(random));
    histogram->record(sample);
  }
  std::ranges::sort(samples);
  for (const double share : {0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 0.9999, 1.0}) {
    const auto rank = static_cast<std::size_t>(std::ceil(share * 100'000.0));
    const auto exact = static_cast<std::uint64_t>(samples[rank - 1]);
    EXPECT_GE(histogram->percentile_ns(share), exact) << share;
    EXPECT_LE(histogram->percentile_ns(share), exact + exact / 1'000 + 1) << share;
  }
  EXPECT_EQ(histogram->highest_ns(), static_cast<std::uint64_t>(samples.back()));
}

TEST(HistogramTest, every_power_of_two_has_its_own_bucket) {
  for (unsigned bit = 0; bit < 42; ++bit) {
    const auto histogram = std::make_unique<Histogram>();
    const std::int64_t border = std::int64_t{1} << bit;
    histogram->record(border - 1);
    histogram->record(border);
    EXPECT_EQ(histogram->percentile_ns(0.5), static_cast<std::uint64_t>(border - 1)) << bit;
    EXPECT_EQ(histogram->percentile_ns(1), static_cast<std::uint64_t>(border)) << bit;
  }
}

TEST(HistogramTest, what_is_out_of_range_is_counted_at_its_ends) {
  const auto histogram = std::make_unique<Histogram>();
  histogram->record(-5);
  EXPECT_EQ(histogram->percentile_ns(1), 0u);
  histogram->record(std::int64_t{1} << 50);
  EXPECT_EQ(histogram->count(), 2u);
  EXPECT_EQ(histogram->percentile_ns(1), Histogram::max_ns);
  EXPECT_EQ(histogram->highest_ns(), std::uint64_t{1} << 50);
}

TEST(HistogramTest, without_samples_there_is_nothing) {
  EXPECT_EQ(std::make_unique<Histogram>()->percentile_ns(0.5), 0u);
}

}  // namespace
}  // namespace starling::bench
