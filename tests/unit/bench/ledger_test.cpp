#include "ledger.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

namespace starling::bench {
namespace {

TEST(LedgerTest, what_comes_in_order_is_all_there) {
  Ledger ledger;
  for (std::uint64_t number = 1; number <= 10; ++number) {
    EXPECT_EQ(ledger.arrive(number), Arrival::in_order);
  }
  EXPECT_EQ(ledger.missing(10), 0u);
}

TEST(LedgerTest, losses_are_counted_in_the_middle_and_at_the_end) {
  Ledger ledger;
  for (const std::uint64_t number : {2u, 3u, 7u}) ledger.arrive(number);
  EXPECT_EQ(ledger.missing(7), 4u);   // 1, 4, 5, 6
  EXPECT_EQ(ledger.missing(10), 7u);  // and 8, 9, 10
  EXPECT_EQ(Ledger{}.missing(3), 3u);
}

TEST(LedgerTest, a_message_that_was_overtaken_is_not_lost) {
  Ledger ledger;
  ledger.arrive(1);
  EXPECT_EQ(ledger.arrive(3), Arrival::in_order);
  EXPECT_EQ(ledger.arrive(2), Arrival::reordered);
  EXPECT_EQ(ledger.missing(3), 0u);
}

TEST(LedgerTest, a_second_time_is_a_second_time) {
  Ledger ledger;
  for (const std::uint64_t number : {1u, 4u, 3u}) ledger.arrive(number);
  for (const std::uint64_t number : {1u, 3u, 4u})
    EXPECT_EQ(ledger.arrive(number), Arrival::doubled);
  EXPECT_EQ(ledger.arrive(2), Arrival::reordered);
  EXPECT_EQ(ledger.arrive(2), Arrival::doubled);
}

// Against a list of everything that came.
TEST(LedgerTest, any_mixture_is_counted_exactly) {
  std::mt19937 random{3};
  for (int round = 0; round < 200; ++round) {
    Ledger ledger;
    std::set<std::uint64_t> seen;
    std::uint64_t highest = 0;
    for (int i = 0; i < 60; ++i) {
      const std::uint64_t number = 1 + random() % 40;
      Arrival expected = Arrival::reordered;
      if (!seen.insert(number).second) {
        expected = Arrival::doubled;
      } else if (number > highest) {
        expected = Arrival::in_order;
      }
      highest = std::max(highest, number);
      ASSERT_EQ(ledger.arrive(number), expected);
      ASSERT_EQ(ledger.missing(40), 40 - seen.size());
    }
  }
}

}  // namespace
}  // namespace starling::bench
