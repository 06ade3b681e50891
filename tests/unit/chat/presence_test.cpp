#include "chat/presence.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

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

TEST(LocalPresenceTest, many_connections_are_counted) {
  LocalPresence presence;
  EXPECT_TRUE(presence.arrived(7));
  for (int i = 1; i < 5; ++i) EXPECT_FALSE(presence.arrived(7));
  for (int i = 0; i < 5; ++i) {
    EXPECT_FALSE(presence.expire(7, start + grace));
    EXPECT_TRUE(presence.contains(7));
    presence.left(7, start, grace);
  }
  EXPECT_TRUE(presence.expire(7, start + grace));
  EXPECT_FALSE(presence.contains(7));
}

TEST(RoomRosterTest, a_user_on_two_shards_is_one_person) {
  using Change = RoomRoster::Change;
  RoomRoster roster;
  EXPECT_EQ(roster.apply(0, 7, true), Change::joined);
  EXPECT_EQ(roster.apply(1, 7, true), Change::none);
  EXPECT_EQ(roster.size(), 1u);
  EXPECT_EQ(roster.apply(0, 7, false), Change::fewer);
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
  EXPECT_EQ(roster.apply(1, 7, false), Change::none);
  EXPECT_TRUE(roster.contains(7));
  EXPECT_FALSE(roster.contains(8));
  EXPECT_FALSE(roster.contains(6));
  EXPECT_EQ(roster.size(), 1u);
}

TEST(RoomRosterTest, lists_ascending_and_bounded) {
  RoomRoster roster;
  for (UserId user : {9, 3, 5}) roster.apply(0, user, true);
  roster.apply(63, 3, true);  // twice here, once in the list
  EXPECT_EQ(roster.list(10), (std::vector<UserId>{3, 5, 9}));
  EXPECT_EQ(roster.list(2), (std::vector<UserId>{3, 5}));
}

TEST(RoomRosterTest, knows_who_saw_whom) {
  RoomRoster roster;
  roster.apply(0, 7, true);
  roster.apply(max_sources - 1, 7, true);
  roster.apply(1, 5, true);
  using Seen = std::vector<std::pair<UserId, Source>>;
  const auto seen = [&](UserId first, UserId last) {
    Seen all;
    roster.for_each(first, last,
                    [&](UserId user, Source source) { all.emplace_back(user, source); });
    return all;
  };
  EXPECT_EQ(seen(0, max_id), (Seen{{5, 1}, {7, 0}, {7, max_sources - 1}}));
  EXPECT_EQ(seen(0, 6), (Seen{{5, 1}}));
  EXPECT_EQ(seen(6, 7), (Seen{{7, 0}, {7, max_sources - 1}}));
  EXPECT_TRUE(seen(8, max_id).empty());
}

TEST(RoomRosterTest, tells_this_server_from_others) {
  using Change = RoomRoster::Change;
  RoomRoster roster;
  roster.apply(own_sources, 7, true);
  EXPECT_FALSE(roster.has_own());
  EXPECT_FALSE(roster.contains_own(7));
  roster.apply(own_sources - 1, 7, true);
  roster.apply(own_sources - 1, 7, true);
  EXPECT_TRUE(roster.has_own());
  EXPECT_TRUE(roster.contains_own(7));
  EXPECT_FALSE(roster.contains_own(6));
  EXPECT_EQ(roster.apply(own_sources, 7, false), Change::fewer);
  EXPECT_EQ(roster.apply(own_sources - 1, 7, false), Change::left);
  EXPECT_FALSE(roster.has_own());
}

TEST(NamesTest, knows_the_latest_name_until_it_is_forgotten) {
  Names names;
  EXPECT_EQ(names.of(7), "");
  names.set(7, "ann");
  names.set(8, "bob");
  EXPECT_EQ(names.of(7), "ann");
  names.set(7, "anna");
  EXPECT_EQ(names.of(7), "anna");
  names.forget(7);
  EXPECT_EQ(names.of(7), "");
  EXPECT_EQ(names.of(8), "bob");
  const std::string zero{"a\0b", 3};
  names.set(8, zero);
  EXPECT_EQ(names.of(8), zero);
  names.set(8, std::string(300, 'n'));
  EXPECT_EQ(names.of(8), std::string(300, 'n'));
}

// What 10,000 members of a room may cost in each of its tables.
template <typename Add>
double heap_bytes_each(Add&& add) {
  constexpr UserId users = 10'000;
  const std::size_t before = ::mallinfo2().uordblks;
  for (UserId i = 1; i <= users; ++i) add(i * 7'919 % (users * 100) + 1);  // in no order
  return static_cast<double>(::mallinfo2().uordblks - before) / users;
}

TEST(PresenceMemoryTest, an_entry_costs_little_more_than_its_number) {
  if (::mallinfo2().uordblks == 0) GTEST_SKIP() << "the sanitizers' allocator counts nothing";
  LocalPresence presence;
  EXPECT_LE(heap_bytes_each([&](UserId user) { presence.arrived(user); }), 13);
  RoomRoster roster;
  EXPECT_LE(heap_bytes_each([&](UserId user) { roster.apply(0, user, true); }), 13);
  Names names;
  EXPECT_LE(heap_bytes_each([&](UserId user) { names.set(user, "sixteen letters."); }), 58);
}

}  // namespace
}  // namespace starling::chat
