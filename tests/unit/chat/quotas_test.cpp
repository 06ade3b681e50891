#include "chat/quotas.hpp"

#include <gtest/gtest.h>

#include <string>
#include <thread>
#include <vector>

namespace starling::chat {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
constexpr base::Instant start{seconds{1'000}};
constexpr RateRule rule{10, 3};
constexpr base::Duration none{};

std::uint64_t spread(std::uint64_t number) { return number * 0x9e3779b97f4a7c15u; }

TEST(RateSketchTest, a_key_has_its_burst_and_then_its_rate) {
  const auto sketch = std::make_unique<RateSketch>();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sketch->take(7, rule, start), none);
  EXPECT_EQ(sketch->take(7, rule, start), milliseconds{100});
  EXPECT_EQ(sketch->wait(7, rule, start), milliseconds{100}) << "a refusal takes nothing";
  EXPECT_EQ(sketch->take(7, rule, start + milliseconds{100}), none);
  EXPECT_GT(sketch->take(7, rule, start + milliseconds{150}), none);
}

TEST(RateSketchTest, a_debt_is_paid_off_first) {
  const auto sketch = std::make_unique<RateSketch>();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(sketch->charge(7, rule, start), none);
  EXPECT_EQ(sketch->charge(7, rule, start), milliseconds{100});
  EXPECT_EQ(sketch->charge(7, rule, start), milliseconds{200});
  EXPECT_EQ(sketch->wait(7, rule, start + milliseconds{100}), milliseconds{200});
}

// What an attacker would try: as many other keys as it likes, to have its own forgotten.
TEST(RateSketchTest, no_number_of_other_keys_gives_a_key_its_tokens_back) {
  const auto sketch = std::make_unique<RateSketch>();
  for (int i = 0; i < 3; ++i) sketch->take(spread(1), rule, start);
  for (std::uint64_t other = 2; other < 200'000; ++other) sketch->take(spread(other), rule, start);
  EXPECT_GT(sketch->take(spread(1), rule, start), none);
}

TEST(RateSketchTest, a_thousand_keys_at_their_limit_hardly_touch_the_others) {
  const auto sketch = std::make_unique<RateSketch>();
  for (std::uint64_t key = 1; key <= 1'000; ++key) {
    while (sketch->take(spread(key), rule, start) == none) {
    }
  }
  int refused = 0;
  for (std::uint64_t key = 1'001; key <= 11'000; ++key) {
    if (sketch->wait(spread(key), rule, start) > none) ++refused;
  }
  EXPECT_LT(refused, 300) << "of 10,000; about 150 share both cells with others";
}

TEST(CountSketchTest, what_is_left_can_be_had_again) {
  const auto sketch = std::make_unique<CountSketch>();
  EXPECT_TRUE(sketch->enter(7, 2));
  EXPECT_TRUE(sketch->enter(7, 2));
  EXPECT_FALSE(sketch->enter(7, 2));
  EXPECT_FALSE(sketch->enter(7, 2)) << "a refusal holds nothing, and gives nothing back";
  EXPECT_TRUE(sketch->enter(spread(8), 2));
  sketch->leave(7);
  EXPECT_TRUE(sketch->enter(7, 2));
  EXPECT_FALSE(sketch->enter(7, 2));
}

TEST(CountSketchTest, counts_of_many_threads_end_where_they_began) {
  const auto sketch = std::make_unique<CountSketch>();
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&sketch] {
      for (std::uint64_t round = 0; round < 20'000; ++round) {
        const std::uint64_t key = spread(round % 5);
        if (sketch->enter(key, 2)) sketch->leave(key);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (std::uint64_t key = 0; key < 5; ++key) {
    EXPECT_TRUE(sketch->enter(spread(key), 1));
    EXPECT_FALSE(sketch->enter(spread(key), 1));
    sketch->leave(spread(key));
  }
}

class QuotasTest : public testing::Test {
 protected:
  Config config;
};

TEST_F(QuotasTest, refusals_are_counted_by_their_limit) {
  config.auth.logins_per_minute = 2;
  Quotas quotas{config, 1};
  for (int i = 0; i < 5; ++i) quotas.take(Limit::address_logins, 7, start);
  EXPECT_EQ(quotas.refused(Limit::address_logins), 3u);
  EXPECT_EQ(quotas.refused(Limit::account_logins), 0u);
  EXPECT_EQ(quotas.take(Limit::address_logins, 7, start + seconds{30}), none) << "two a minute";
}

TEST_F(QuotasTest, zero_is_no_limit) {
  config.limits.user_messages_per_second = 0;
  config.limits.user_connections = 0;
  Quotas quotas{config, 1};
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(quotas.take(Limit::user_messages, 7, start), none);
    ASSERT_TRUE(quotas.enter(Limit::user_connections, 7));
  }
}

TEST_F(QuotasTest, new_limits_hold_at_once_and_what_is_held_stays_counted) {
  Config unlimited = config;
  unlimited.limits.user_connections = 0;
  unlimited.limits.user_messages_per_second = 0;
  Quotas quotas{unlimited, 1};
  EXPECT_TRUE(quotas.enter(Limit::user_connections, 5));
  EXPECT_TRUE(quotas.enter(Limit::user_connections, 5));
  Config limited = unlimited;
  limited.limits.user_connections = 2;
  limited.limits.user_messages_per_second = 1;
  limited.limits.user_message_burst = 1;
  quotas.reconfigure(limited);
  EXPECT_FALSE(quotas.enter(Limit::user_connections, 5)) << "two are held already";
  quotas.leave(Limit::user_connections, 5);
  EXPECT_TRUE(quotas.enter(Limit::user_connections, 5));
  EXPECT_EQ(quotas.take(Limit::user_messages, 5, start), none);
  EXPECT_GT(quotas.take(Limit::user_messages, 5, start), none);
  quotas.reconfigure(unlimited);
  EXPECT_EQ(quotas.take(Limit::user_messages, 5, start), none);
}

TEST_F(QuotasTest, a_room_is_charged_for_what_was_kept) {
  config.limits.room_messages_per_second = 1;
  config.limits.room_message_burst = 2;
  Quotas quotas{config, 1};
  MessagePosted posted;
  posted.room = "r";
  for (int i = 0; i < 5; ++i) EXPECT_EQ(quotas.wait_for_room("r", start), none) << "asking is free";
  quotas.note(posted, start);
  posted.duplicate = true;
  for (int i = 0; i < 5; ++i) quotas.note(posted, start);
  EXPECT_EQ(quotas.wait_for_room("r", start), none) << "a repeat was kept before";
  posted.duplicate = false;
  quotas.note(posted, start);
  EXPECT_EQ(quotas.wait_for_room("r", start), seconds{1});
  EXPECT_EQ(quotas.wait_for_room("s", start), none);
}

TEST_F(QuotasTest, rooms_are_created_at_a_rate_by_joining_and_by_writing) {
  config.limits.rooms_created_per_hour = 2;
  Quotas quotas{config, 1};
  RoomJoined joined;
  quotas.note(joined, 7, start);
  EXPECT_TRUE(quotas.may_create_rooms(7, start)) << "it was there before";
  joined.created = true;
  quotas.note(joined, 7, start);
  MessagePosted posted;
  posted.created = true;
  posted.event.sender = 7;
  quotas.note(posted, start);
  EXPECT_FALSE(quotas.may_create_rooms(7, start));
  EXPECT_TRUE(quotas.may_create_rooms(8, start));
  EXPECT_TRUE(quotas.may_create_rooms(7, start + seconds{1'800}));
}

TEST_F(QuotasTest, keys_differ_with_every_part_and_with_the_seed) {
  const Quotas quotas{config, 1};
  const Quotas other{config, 2};
  const std::string eight(8, 'a');
  EXPECT_NE(quotas.key_of("a"), quotas.key_of("b"));
  EXPECT_NE(quotas.key_of(eight), quotas.key_of(eight + '\0'));
  EXPECT_NE(quotas.key_of(eight + "b"), quotas.key_of(eight + "c"));
  EXPECT_NE(quotas.key_of("a"), other.key_of("a"));
  EXPECT_NE(quotas.key_of(std::uint64_t{1}), other.key_of(std::uint64_t{1}));
  EXPECT_NE(quotas.address_key(""), 0u);
}

}  // namespace
}  // namespace starling::chat
