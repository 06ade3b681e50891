#include "chat/memory_ladder.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace starling::chat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::size_t ceiling = 1'000'000;
constexpr std::size_t one_percent = ceiling / 100;

struct MemoryLadderTest : testing::Test {
  unsigned at(std::size_t percent, base::Duration later = {}) {
    now += later;
    ladder.measured(percent * one_percent, now);
    return ladder.step();
  }
  std::string given_up() const {
    std::string all;
    for (std::size_t i = 0; i < services; ++i) {
      const auto service = static_cast<Service>(i);
      if (ladder.gives_up(service)) all.append(to_string(service)).append(" ");
    }
    return all;
  }

  MemoryLadder ladder{ceiling};
  base::Instant now{seconds{100}};
};

TEST_F(MemoryLadderTest, what_matters_least_goes_first_and_messages_last) {
  EXPECT_EQ(at(74), 0u);
  EXPECT_EQ(given_up(), "");
  at(75);
  EXPECT_EQ(given_up(), "typing ");
  at(80);
  EXPECT_EQ(given_up(), "typing names ");
  at(85);
  EXPECT_EQ(given_up(), "typing names history ");
  at(90);
  EXPECT_EQ(given_up(), "typing names history joins ");
  at(94);
  EXPECT_EQ(given_up(), "typing names history joins connections ");
  at(96);
  EXPECT_EQ(given_up(), "typing names history joins connections ");
  at(97);
  EXPECT_EQ(given_up(), "typing names history joins connections messages ");
}

TEST_F(MemoryLadderTest, several_steps_are_taken_at_once) {
  EXPECT_EQ(at(0), 0u);
  EXPECT_EQ(at(130), 6u);
}

TEST_F(MemoryLadderTest, steps_are_left_one_a_second) {
  at(97);
  EXPECT_EQ(at(10, milliseconds{999}), 6u);
  now -= milliseconds{999};
  for (unsigned step = 5; step > 0; --step) {
    EXPECT_EQ(at(10, seconds{1}), step);
    EXPECT_EQ(at(10), step);
  }
  EXPECT_EQ(at(10, seconds{1}), 0u);
  EXPECT_EQ(at(10, seconds{1}), 0u);
}

TEST_F(MemoryLadderTest, at_the_edge_of_a_step_it_stays) {
  EXPECT_EQ(at(90), 4u);
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(at(86, seconds{1}), 4u);
    EXPECT_EQ(at(90, seconds{1}), 4u);
  }
  EXPECT_EQ(at(85, seconds{1}), 3u);
  EXPECT_EQ(at(85, seconds{1}), 3u) << "85 is where that step begins";
}

TEST_F(MemoryLadderTest, a_change_is_told_once) {
  EXPECT_FALSE(ladder.measured(0, now));
  EXPECT_TRUE(ladder.measured(80 * one_percent, now));
  EXPECT_FALSE(ladder.measured(80 * one_percent, now + seconds{5}));
  EXPECT_TRUE(ladder.measured(0, now + seconds{6}));
}

TEST_F(MemoryLadderTest, refusals_are_counted_by_what_was_refused) {
  EXPECT_FALSE(ladder.refuses(Service::typing));
  at(85);
  EXPECT_TRUE(ladder.refuses(Service::history));
  EXPECT_TRUE(ladder.refuses(Service::history));
  EXPECT_FALSE(ladder.refuses(Service::messages));
  EXPECT_EQ(ladder.refused(Service::history), 2u);
  EXPECT_EQ(ladder.refused(Service::typing), 0u);
  EXPECT_EQ(ladder.refused(Service::messages), 0u);
}

TEST(MemoryLadderWithoutCeilingTest, gives_nothing_up) {
  MemoryLadder none{0};
  EXPECT_FALSE(none.measured(~std::size_t{0}, {}));
  EXPECT_FALSE(none.refuses(Service::typing));
}

}  // namespace
}  // namespace starling::chat
