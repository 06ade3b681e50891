#include "chat/rate_limit.hpp"

#include <gtest/gtest.h>

namespace starling::chat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr base::Instant start{seconds{1'000}};
constexpr RateRule rule{10, 3};

TEST(RateLimitTest, a_burst_passes_and_then_the_rate_counts) {
  RateLimit limit;
  EXPECT_TRUE(limit.take(rule, start));
  EXPECT_TRUE(limit.take(rule, start));
  EXPECT_TRUE(limit.take(rule, start));
  EXPECT_FALSE(limit.take(rule, start));
  limit.put_back(rule);
  EXPECT_EQ(limit.retry_after(rule, start), milliseconds{100});
  EXPECT_TRUE(limit.take(rule, start + milliseconds{100}));
  EXPECT_FALSE(limit.take(rule, start + milliseconds{150}));
}

TEST(RateLimitTest, what_was_taken_beyond_is_a_debt) {
  RateLimit limit;
  for (int i = 0; i < 5; ++i) limit.take(rule, start);  // 3 saved, 2 owed
  EXPECT_EQ(limit.retry_after(rule, start), milliseconds{300});
  EXPECT_FALSE(limit.take(rule, start + milliseconds{200}));
}

TEST(RateLimitTest, rest_fills_no_more_than_the_burst) {
  RateLimit limit;
  limit.take(rule, start);
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(rule, start + seconds{3'600}));
  EXPECT_FALSE(limit.take(rule, start + seconds{3'600}));
}

TEST(RateLimitTest, a_clock_that_stands_still_or_goes_back_gives_nothing) {
  RateLimit limit;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(limit.take(rule, start));
  EXPECT_FALSE(limit.take(rule, start - seconds{10}));
}

}  // namespace
}  // namespace starling::chat
