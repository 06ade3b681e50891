#include "chat/presence.hpp"

#include <gtest/gtest.h>

namespace starling::chat {
namespace {

using std::chrono::seconds;
constexpr base::Instant start{seconds{100}};
constexpr base::Duration grace = seconds{3};

TEST(LocalPresenceTest, only_the_first_connection_is_an_arrival) {
  LocalPresence presence;
  EXPECT_TRUE(presence.arrived(7));
  EXPECT_FALSE(presence.arrived(7));
  EXPECT_TRUE(presence.arrived(8));
}

TEST(LocalPresenceTest, only_the_last_connection_starts_the_grace_time) {
  LocalPresence presence;
  presence.arrived(7);
  presence.arrived(7);
  presence.left(7, start, grace);
  EXPECT_FALSE(presence.expire(7, start + grace));
  presence.left(7, start, grace);
  EXPECT_FALSE(presence.expire(7, start + grace - seconds{1}));
  EXPECT_TRUE(presence.expire(7, start + grace));
  EXPECT_TRUE(presence.empty());
}

TEST(LocalPresenceTest, who_comes_back_within_the_grace_time_was_never_away) {
  LocalPresence presence;
  presence.arrived(7);
  presence.left(7, start, grace);
  EXPECT_FALSE(presence.arrived(7));
  EXPECT_FALSE(presence.expire(7, start + grace));
}

TEST(LocalPresenceTest, a_second_leaving_counts_from_itself) {
  LocalPresence presence;
  presence.arrived(7);
  presence.left(7, start, grace);
  presence.arrived(7);
  presence.left(7, start + seconds{2}, grace);
  EXPECT_FALSE(presence.expire(7, start + grace));
  EXPECT_TRUE(presence.expire(7, start + seconds{2} + grace));
}

TEST(RoomRosterTest, a_user_on_two_shards_is_one_person) {
  using Change = RoomRoster::Change;
  RoomRoster roster;
  EXPECT_EQ(roster.apply(0, 7, true), Change::joined);
  EXPECT_EQ(roster.apply(1, 7, true), Change::none);
  EXPECT_EQ(roster.size(), 1u);
  EXPECT_EQ(roster.apply(0, 7, false), Change::none);
  EXPECT_TRUE(roster.contains(7));
  EXPECT_EQ(roster.apply(1, 7, false), Change::left);
  EXPECT_EQ(roster.size(), 0u);
}

TEST(RoomRosterTest, repeats_and_strangers_change_nothing) {
  using Change = RoomRoster::Change;
  RoomRoster roster;
  EXPECT_EQ(roster.apply(0, 7, false), Change::none);
  roster.apply(0, 7, true);
  EXPECT_EQ(roster.apply(0, 7, true), Change::none);
  EXPECT_EQ(roster.size(), 1u);
}

TEST(RoomRosterTest, lists_ascending_and_bounded) {
  RoomRoster roster;
  for (UserId user : {9, 3, 5}) roster.apply(0, user, true);
  EXPECT_EQ(roster.list(10), (std::vector<UserId>{3, 5, 9}));
  EXPECT_EQ(roster.list(2), (std::vector<UserId>{3, 5}));
}

TEST(RoomRosterTest, knows_who_saw_whom) {
  RoomRoster roster;
  roster.apply(0, 7, true);
  roster.apply(1, 7, true);
  roster.apply(1, 5, true);
  EXPECT_EQ(roster.of_shard(0), (std::vector<UserId>{7}));
  EXPECT_EQ(roster.of_shard(1), (std::vector<UserId>{5, 7}));
  EXPECT_TRUE(roster.of_shard(2).empty());
}

}  // namespace
}  // namespace starling::chat
