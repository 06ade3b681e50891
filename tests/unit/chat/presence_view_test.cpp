#include "chat/presence_view.hpp"

#include <gtest/gtest.h>

namespace starling::chat {
namespace {

using Changes = std::vector<PresenceView::Change>;

PresenceSignal signal(std::uint16_t shard, std::string room, UserId user, bool online) {
  return {shard, std::move(room), user, "user" + std::to_string(user), online};
}

// Users 1 and 2 are on shard 0 in room r, user 2 also on shard 1.
PresenceView two_shards() {
  PresenceView view;
  for (const auto& [shard, user] : {std::pair{0, 1}, {0, 2}, {1, 2}}) {
    for (const char* room : {"", "r"}) {
      view.apply(signal(static_cast<std::uint16_t>(shard), room, static_cast<UserId>(user), true));
    }
  }
  return view;
}

TEST(PresenceViewTest, only_first_arrivals_and_last_departures_are_changes) {
  PresenceView view = two_shards();
  EXPECT_EQ(view.count("r"), 2u);
  EXPECT_EQ(view.rooms(), 1u);
  EXPECT_EQ(view.name_of(2), "user2");
  EXPECT_FALSE(view.apply(signal(0, "r", 2, false)));
  const auto change = view.apply(signal(1, "r", 2, false));
  ASSERT_TRUE(change);
  EXPECT_EQ(change->username, "user2");
  EXPECT_FALSE(change->online);
  EXPECT_EQ(view.list("r", 10), std::vector<UserId>{1});
  EXPECT_EQ(view.rooms_of(1), std::vector<std::string>{"r"});
}

TEST(PresenceViewTest, a_room_that_everybody_left_is_forgotten) {
  PresenceView view = two_shards();
  view.apply(signal(0, "r", 1, false));
  view.apply(signal(0, "r", 2, false));
  view.apply(signal(1, "r", 2, false));
  EXPECT_EQ(view.rooms(), 0u);
  EXPECT_EQ(view.count("r"), 0u);
  EXPECT_FALSE(view.apply(signal(1, "r", 2, false)));
}

TEST(PresenceViewTest, a_digest_corrects_what_was_missed) {
  PresenceView view = two_shards();
  Changes changes;
  // Shard 0 has lost user 1 and got user 3; nobody heard of either.
  EXPECT_FALSE(
      view.apply(PresenceDigest{0, 0, false, {{"", 2, "user2"}, {"", 3, "user3"}}}, changes));
  EXPECT_TRUE(
      view.apply(PresenceDigest{0, 1, true, {{"r", 2, "user2"}, {"r", 3, "user3"}}}, changes));
  ASSERT_EQ(changes.size(), 4u);
  EXPECT_EQ(changes[0].user, 3u);  // came, to the server and to the room
  EXPECT_TRUE(changes[1].online);
  EXPECT_EQ(changes[2].room, "r");  // left the room, then the server
  EXPECT_EQ(changes[2].user, 1u);
  EXPECT_EQ(changes[2].username, "user1");
  EXPECT_EQ(changes[3].room, "");
  EXPECT_FALSE(changes[3].online);
  EXPECT_EQ(view.list("r", 10), (std::vector<UserId>{2, 3}));
  EXPECT_EQ(view.name_of(1), "");
}

TEST(PresenceViewTest, a_digest_that_lost_a_part_sends_nobody_away) {
  PresenceView view = two_shards();
  Changes changes;
  EXPECT_FALSE(view.apply(PresenceDigest{0, 0, false, {}}, changes));
  EXPECT_FALSE(view.apply(PresenceDigest{0, 2, true, {}}, changes));
  EXPECT_FALSE(view.apply(PresenceDigest{1, 1, true, {}}, changes));  // without its beginning
  EXPECT_TRUE(changes.empty());
  EXPECT_EQ(view.count("r"), 2u);
  // The next one is whole.
  EXPECT_TRUE(view.apply(PresenceDigest{0, 0, true, {}}, changes));
  EXPECT_EQ(view.list("r", 10), std::vector<UserId>{2});
}

}  // namespace
}  // namespace starling::chat
