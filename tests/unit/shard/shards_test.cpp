// Several shards, turned by one thread: what the members of one room have in common comes to all.
#include <algorithm>

#include "harness.hpp"

namespace starling::shard {
namespace {

using ShardsTest = ShardTest;

TEST_F(ShardsTest, connections_are_spread) {
  start(3);
  std::vector<std::unique_ptr<TestClient>> all;
  for (int i = 0; i < 9; ++i) all.push_back(connect("starling.v1"));
  pump([&] {
    return std::ranges::all_of(all, [](const auto& client) { return !client->frames.empty(); });
  });
  for (const Shard* one : shards) EXPECT_EQ(one->load(), 3u);
  // The places of those who went are given to the next who come.
  std::erase(clients, all[0].get());
  std::erase(clients, all[3].get());
  all[0].reset();
  all[3].reset();
  pump([&] { return shards[0]->load() + shards[1]->load() + shards[2]->load() == 7; });
  auto tenth = connect("starling.v1");
  auto eleventh = connect("starling.v1");
  await_frame(*tenth, "welcome");
  await_frame(*eleventh, "welcome");
  for (const Shard* one : shards) EXPECT_EQ(one->load(), 3u);
}

TEST_F(ShardsTest, a_server_that_is_full_takes_nobody_on_any_shard) {
  config.limits.connections = 2;
  start(2);
  auto ann = connect("starling.v1");
  auto bob = connect("starling.v1");
  await_frame(*ann, "welcome");
  await_frame(*bob, "welcome");
  auto eve = connect("starling.v1");
  std::erase(clients, eve.get());
  pump([&] { return !eve->read(); });
  EXPECT_TRUE(eve->frames.empty());
}

TEST_F(ShardsTest, members_on_two_shards_see_one_order) {
  start(2);
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  ASSERT_EQ(shards[0]->load(), 1u);
  ASSERT_EQ(shards[1]->load(), 1u);
  commit(batch("r", 1, 3));
  commit(batch("r", 4, 4));
  pump([&] { return seqs(*ann).size() >= 4 && seqs(*bob).size() >= 4; });
  EXPECT_EQ(seqs(*ann), range(1, 4));
  EXPECT_EQ(seqs(*bob), range(1, 4));
}

TEST_F(ShardsTest, a_batch_goes_only_where_its_rooms_have_members) {
  start(2);
  auto ann = member(1, "r", 0);
  auto bob = member(2, "s", 0);
  const auto of_r = batch("r", 1, 1);
  const auto of_s = batch("s", 1, 1);
  const bool ann_is_first = shards[0]->committed(of_r);
  EXPECT_NE(shards[1]->committed(of_r), ann_is_first);
  EXPECT_EQ(shards[0]->committed(of_s), !ann_is_first);
  EXPECT_EQ(shards[1]->committed(of_s), ann_is_first);
  EXPECT_FALSE(shards[0]->committed(batch("nobody's", 1, 1)));
  // A room that its last member has left is no longer wanted, once the grace time is over.
  bob->say(R"({"type":"leave_room","roomId":"s"})");
  answer(await_request<chat::LeaveRoom>(), chat::RoomLeft{"s"});
  pump([&] { return !shards[0]->committed(of_s) && !shards[1]->committed(of_s); });
}

TEST_F(ShardsTest, one_user_on_two_shards_is_one_presence) {
  config.presence.grace_ms = 50;
  start(2);
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  await_frame(*ann, "user_joined");
  auto bobs_second = member(2, "r", 0);
  auto eve = member(3, "r", 0);
  const std::string joined = await_frame(*ann, "user_joined");
  EXPECT_NE(joined.find(R"("userId":3)"), std::string::npos) << joined;
  EXPECT_NE(joined.find(R"("onlineCount":3)"), std::string::npos) << joined;
  // Bob is gone when both of his connections are.
  std::erase(clients, bob.get());
  bob.reset();
  std::erase(clients, eve.get());
  eve.reset();
  const std::string left = await_frame(*ann, "user_left");
  EXPECT_NE(left.find(R"("userId":3)"), std::string::npos) << left;
  std::erase(clients, bobs_second.get());
  bobs_second.reset();
  const std::string last = await_frame(*ann, "user_left");
  EXPECT_NE(last.find(R"("userId":2)"), std::string::npos) << last;
  EXPECT_NE(last.find(R"("username":"user2")"), std::string::npos) << last;
  EXPECT_NE(last.find(R"("onlineCount":1)"), std::string::npos) << last;
}

TEST_F(ShardsTest, who_comes_is_told_of_people_on_other_shards) {
  start(3);
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  auto eve = authenticated(3);
  eve->say(R"({"type":"join_room","roomId":"r"})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 0, 0, 0, 7});
  const std::string joined = await_frame(*eve, "room_joined");
  EXPECT_NE(joined.find(R"("onlineUsers":[1,2,3])"), std::string::npos) << joined;
  EXPECT_NE(joined.find(R"("onlineCount":3)"), std::string::npos) << joined;
}

TEST_F(ShardsTest, one_shard_keeps_the_status_of_each_user) {
  config.presence.grace_ms = 0;
  start(2);
  auto first = authenticated(6);
  auto second = authenticated(6);
  auto asked = await_request<chat::SetStatus>();
  EXPECT_TRUE(content<chat::SetStatus>(asked).online);
  EXPECT_EQ(asked.ticket.shard, 0u);  // 6 modulo 2
  clients.clear();
  first.reset();
  second.reset();
  asked = await_request<chat::SetStatus>();
  EXPECT_FALSE(content<chat::SetStatus>(asked).online);
  EXPECT_EQ(asked.ticket.shard, 0u);
  settle();
  for (const auto& other : archive.asked) {
    EXPECT_FALSE(
        std::holds_alternative<chat::SetStatus>(std::get<chat::WriteRequest>(other.request)));
  }
  // What the archive could not keep is tried again.
  answer(asked, chat::Failure{chat::FailureCode::unavailable, "the disk is away"});
  EXPECT_FALSE(content<chat::SetStatus>(asked = await_request<chat::SetStatus>()).online);
}

TEST_F(ShardsTest, presence_is_right_again_after_signals_were_lost) {
  start(2);
  auto ann = member(1, "r", 0);
  const std::size_t ann_on = shards[0]->load() == 1 ? 0 : 1;
  // Ann's shard gets so many signals within one turn that Bob's arrival is lost to it.
  auto bob = authenticated(2);
  bob->say(R"({"type":"join_room","roomId":"r"})");
  const auto asked = await_request<chat::JoinRoom>();
  const chat::Signal noise = chat::TypingSignal{"elsewhere", 9, "noise", true};
  while (shards[ann_on]->signal(noise)) {
  }
  answer(asked, chat::RoomJoined{"r", 0, 0, 0, 7});
  shards[1 - ann_on]->turn({});  // takes the answer and says that Bob is here: nobody hears it
  pump([&] { return shards[ann_on]->metrics().signals_dropped >= 2; });
  const std::string joined = await_frame(*ann, "user_joined");
  EXPECT_NE(joined.find(R"("userId":2)"), std::string::npos) << joined;
  EXPECT_NE(joined.find(R"("username":"user2")"), std::string::npos) << joined;
  // And tokens that were revoked meanwhile are asked for.
  await_request<chat::ListRevocations>();
}

}  // namespace
}  // namespace starling::shard
