#include "bus/origins.hpp"

#include <gtest/gtest.h>

namespace starling::bus {
namespace {

using std::chrono::milliseconds;

class OriginsTest : public testing::Test {
 protected:
  bool heard(std::uint64_t number, unsigned partition = 0) {
    return origins.heard(ann, partition, number, now);
  }
  bool beat(const std::vector<std::uint64_t>& numbers) { return origins.heard(ann, numbers, now); }
  bool look(base::Duration later) {
    now += later;
    return origins.look(now);
  }

  Origins origins;
  Origin ann{"ann", 5};
  base::Instant now = base::Instant{} + std::chrono::hours{1};
};

TEST_F(OriginsTest, nothing_is_missing_while_numbers_follow_each_other) {
  EXPECT_FALSE(heard(1));
  EXPECT_FALSE(heard(2));
  EXPECT_FALSE(heard(1, 3));
  EXPECT_FALSE(beat({2, 0, 0, 1}));
  EXPECT_FALSE(heard(3));
}

TEST_F(OriginsTest, a_number_that_is_left_out_is_missed_once) {
  heard(1);
  EXPECT_TRUE(heard(3));
  EXPECT_FALSE(heard(4));
  EXPECT_FALSE(heard(2));  // late: no further alarm
  EXPECT_FALSE(heard(2));
  EXPECT_FALSE(heard(5));
}

TEST_F(OriginsTest, the_last_body_is_missed_at_the_beat) {
  heard(1);
  EXPECT_TRUE(beat({2}));
  EXPECT_FALSE(beat({2}));
  EXPECT_FALSE(heard(3));
}

TEST_F(OriginsTest, what_a_server_said_before_it_was_heard_is_missed) {
  EXPECT_TRUE(heard(4));
  origins.gone(ann);
  EXPECT_TRUE(beat({0, 1}));
  origins.gone(ann);
  EXPECT_FALSE(beat({0, 0}));
}

TEST_F(OriginsTest, a_server_that_starts_again_counts_anew) {
  heard(8);
  const Origin before = ann;
  ann.incarnation = 6;
  EXPECT_FALSE(heard(1));
  EXPECT_FALSE(origins.heard(before, 0, 30, now));  // of before: nothing is expected of it
  EXPECT_FALSE(heard(2));
  EXPECT_TRUE(heard(4));  // although the one before had come further
}

TEST_F(OriginsTest, silence_is_told_once_and_ends_with_a_word) {
  heard(1);
  EXPECT_FALSE(look(Origins::silent_after - milliseconds{1}));
  EXPECT_FALSE(origins.anybody_silent());
  EXPECT_TRUE(look(milliseconds{1}));
  EXPECT_TRUE(origins.anybody_silent());
  EXPECT_FALSE(look(milliseconds{100}));
  EXPECT_TRUE(origins.anybody_silent());
  heard(2);
  EXPECT_FALSE(origins.anybody_silent());
}

TEST_F(OriginsTest, who_is_silent_for_long_is_forgotten) {
  heard(1);
  look(Origins::silent_after);
  look(Origins::forgotten_after);
  EXPECT_FALSE(origins.anybody_silent());
  EXPECT_EQ(origins.size(), 0u);
}

TEST_F(OriginsTest, who_says_farewell_is_not_missed) {
  heard(1);
  look(Origins::silent_after);
  origins.gone(ann);
  EXPECT_FALSE(origins.anybody_silent());
  EXPECT_FALSE(look(Origins::silent_after));
}

TEST_F(OriginsTest, silence_is_counted_from_a_new_start) {
  heard(1);
  now += Origins::silent_after;
  origins.start_anew(now);
  EXPECT_FALSE(look(milliseconds{1}));
}

TEST_F(OriginsTest, the_quietest_makes_room) {
  for (std::size_t i = 0; i <= Origins::max_origins; ++i) {
    now += milliseconds{1};
    origins.heard({"server-" + std::to_string(i), 1}, 0, 1, now);
  }
  EXPECT_EQ(origins.size(), Origins::max_origins);
  EXPECT_TRUE(origins.heard({"server-0", 1}, 0, 2, now));   // was forgotten
  EXPECT_FALSE(origins.heard({"server-9", 1}, 0, 2, now));  // was not
}

}  // namespace
}  // namespace starling::bus
