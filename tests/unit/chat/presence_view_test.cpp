#include "chat/presence_view.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace starling::chat {
namespace {

using Changes = std::vector<PresenceView::Change>;

PresenceSignal signal(std::uint16_t shard, std::string room, UserId user, bool online) {
  return {{shard, {}, 0}, std::move(room), user, "user" + std::to_string(user), online};
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
  EXPECT_EQ(view.own_rooms(), 1u);
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
  EXPECT_EQ(view.own_rooms(), 0u);
  EXPECT_EQ(view.count("r"), 0u);
  EXPECT_FALSE(view.apply(signal(1, "r", 2, false)));
}

const Origin first_shard{0, {}, 0};

TEST(PresenceViewTest, a_digest_corrects_what_was_missed) {
  PresenceView view = two_shards();
  Changes changes;
  // Shard 0 has lost user 1 and got user 3; nobody heard of either.
  view.apply(
      PresenceDigest{
          first_shard,
          {},
          {},
          {{{"r", 2}, "user2"}, {{"r", 3}, "user3"}, {{"", 2}, "user2"}, {{"", 3}, "user3"}}},
      changes);
  ASSERT_EQ(changes.size(), 4u);
  EXPECT_EQ(changes[0].user, 3u);  // came, to the room and to the server
  EXPECT_TRUE(changes[1].online);
  EXPECT_EQ(changes[2].room, "r");  // left the room, then the server
  EXPECT_EQ(changes[2].user, 1u);
  EXPECT_EQ(changes[2].username, "user1");
  EXPECT_EQ(changes[3].room, "");
  EXPECT_FALSE(changes[3].online);
  EXPECT_EQ(view.list("r", 10), (std::vector<UserId>{2, 3}));
  EXPECT_EQ(view.name_of(1), "");
}

// Whoever is left of shard 0 after a part that names nobody.
std::vector<UserId> left_after(std::optional<PresencePlace> begin, std::optional<PresencePlace> end,
                               std::string_view room) {
  PresenceView view;
  for (const char* name : {"a", "r", "z", ""}) {
    for (UserId user = 1; user <= 3; ++user) view.apply(signal(0, name, user, true));
  }
  Changes changes;
  view.apply(PresenceDigest{first_shard, std::move(begin), std::move(end), {}}, changes);
  return view.list(room, 10);
}

TEST(PresenceViewTest, a_part_of_a_digest_concerns_its_range_alone) {
  using Users = std::vector<UserId>;
  const Users all{1, 2, 3};
  EXPECT_EQ(left_after({}, PresencePlace{"r", 2}, "a"), Users{});
  EXPECT_EQ(left_after({}, PresencePlace{"r", 2}, "r"), (Users{2, 3}));
  EXPECT_EQ(left_after({}, PresencePlace{"r", 2}, "z"), all);
  EXPECT_EQ(left_after({}, PresencePlace{"r", 2}, ""), all);
  EXPECT_EQ(left_after(PresencePlace{"r", 2}, PresencePlace{"r", 3}, "r"), (Users{1, 3}));
  EXPECT_EQ(left_after(PresencePlace{"r", 2}, PresencePlace{"r", 3}, "a"), all);
  EXPECT_EQ(left_after(PresencePlace{"r", 2}, PresencePlace{"", 2}, "r"), Users{1});
  EXPECT_EQ(left_after(PresencePlace{"r", 2}, PresencePlace{"", 2}, "z"), Users{});
  EXPECT_EQ(left_after(PresencePlace{"r", 2}, PresencePlace{"", 2}, ""), (Users{2, 3}));
  EXPECT_EQ(left_after(PresencePlace{"", 3}, {}, "z"), all);
  EXPECT_EQ(left_after(PresencePlace{"", 3}, {}, ""), (Users{1, 2}));
}

// ---- other servers

Origin at(std::string server, std::uint64_t incarnation = 1, std::uint16_t shard = 0) {
  return {shard, std::move(server), incarnation};
}

void come(PresenceView& view, const Origin& from, UserId user) {
  Changes changes;
  const std::string name = "user" + std::to_string(user);
  view.apply(PresenceDelta{from, {{"", user, name, true}, {"r", user, name, true}}}, changes);
}

TEST(PresenceViewTest, shards_of_other_servers_are_told_apart) {
  PresenceView view;
  come(view, at("b", 1, 0), 1);
  come(view, at("b", 1, 1), 1);
  come(view, at("c", 1, 0), 1);
  EXPECT_EQ(view.own_rooms(), 0u);
  EXPECT_FALSE(view.connected_here(1));
  EXPECT_TRUE(view.on_other_shards(1, 0));
  Changes changes;
  view.apply(PresenceDelta{at("b", 1, 0), {{"r", 1, "user1", false}}}, changes);
  view.apply(PresenceDigest{at("b", 1, 1), {}, {}, {}}, changes);
  EXPECT_TRUE(changes.empty());
  view.apply(PresenceDelta{at("c", 1, 0), {{"r", 1, "user1", false}}}, changes);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].room, "r");
  EXPECT_FALSE(changes[0].online);
}

TEST(PresenceViewTest, with_a_server_go_those_whom_nobody_else_has) {
  PresenceView view = two_shards();
  for (UserId user = 2; user <= 4; ++user) come(view, at("b", 5, 0), user);
  come(view, at("b", 5, 1), 4);
  come(view, at("b", 6, 0), 3);
  Changes changes;
  EXPECT_FALSE(view.end("b", 5, 3, changes));  // three of eight places
  EXPECT_TRUE(view.end("b", 5, 100, changes));
  EXPECT_EQ(view.list("r", 10), (std::vector<UserId>{1, 2, 3}));
  EXPECT_EQ(view.list("", 10), (std::vector<UserId>{1, 2, 3}));
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0].room, "r");
  EXPECT_EQ(changes[0].user, 4u);
  // User 2 is connected here as well: the other server may have said otherwise.
  EXPECT_EQ(changes[1].user, 2u);
  EXPECT_TRUE(changes[1].online);
  EXPECT_EQ(changes[2].user, 4u);
  EXPECT_EQ(changes[2].username, "user4");
  EXPECT_FALSE(changes[2].online);
  // What a later one has is its own.
  EXPECT_TRUE(view.end("b", 5, 100, changes));
  EXPECT_EQ(view.list("r", 10), (std::vector<UserId>{1, 2, 3}));
}

TEST(PresenceViewTest, there_may_be_so_many_shards_and_no_more) {
  PresenceView view;
  const auto name = [](unsigned i) { return "server" + std::to_string(i / 64); };
  for (unsigned i = 0; i < max_sources; ++i) come(view, at(name(i), 1, i % 64), i + 1);
  EXPECT_EQ(view.count(""), max_sources - own_sources);
  // The places of one that has ended are free.
  Changes changes;
  EXPECT_TRUE(view.end("server0", 1, 1'000, changes));
  for (std::uint16_t shard = 0; shard < 64; ++shard)
    come(view, at("new", 1, shard), 5'000u + shard);
  EXPECT_EQ(view.count(""), max_sources - own_sources);
  EXPECT_TRUE(view.contains("r", 5'063));
}

}  // namespace
}  // namespace starling::chat
