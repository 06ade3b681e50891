// Which threads turn, at times that the test chooses.
#include "server/vitals.hpp"

#include <gtest/gtest.h>

namespace starling::server {
namespace {

using std::chrono::seconds;

TEST(VitalsTest, who_stands_still_for_longer_than_the_patience_is_named_until_it_turns) {
  const base::Instant start{};
  std::atomic<std::uint64_t> one{7};
  std::atomic<std::uint64_t> other{0};
  Vitals vitals;
  vitals.watch("one", one, start);
  vitals.watch("other", other, start);
  ++other;
  EXPECT_TRUE(vitals.look(start + seconds{3}).empty());
  const std::vector<Vitals::Stalled> stalled = vitals.look(start + seconds{5});
  ASSERT_EQ(stalled.size(), 1u);
  EXPECT_EQ(stalled[0].name, "one");
  EXPECT_EQ(stalled[0].since, seconds{5});
  ++one;
  EXPECT_TRUE(vitals.look(start + seconds{6}).empty());
}

TEST(VitalsTest, all_turned_asks_for_a_turn_of_each_since_it_was_true) {
  std::atomic<std::uint64_t> one{0};
  std::atomic<std::uint64_t> other{0};
  Vitals vitals;
  vitals.watch("one", one, {});
  vitals.watch("other", other, {});
  EXPECT_FALSE(vitals.all_turned());
  ++one;
  EXPECT_FALSE(vitals.all_turned());
  ++other;
  EXPECT_TRUE(vitals.all_turned());
  ++one;
  EXPECT_FALSE(vitals.all_turned());
}

}  // namespace
}  // namespace starling::server
