// A shard hears who is connected to other servers, and tells them who is to this one.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness.hpp"

namespace starling::shard {
namespace {

class OtherServersTest : public ShardTest {
 protected:
  OtherServersTest() {
    fleet = std::make_unique<chat::FleetState>();
    fleet->publishing = fleet->hearing = fleet->complete = true;
    config.presence.grace_ms = 0;
    config.bus.url = "amqp://";
  }

  void hear(const chat::Signal& signal) {
    for (Shard* one : shards) one->signal(signal);
  }
  // A user comes to another server, or leaves it.
  static chat::Signal elsewhere(chat::UserId user, bool online, std::string server = "b") {
    const std::string name = "user" + std::to_string(user);
    return chat::PresenceDelta{{0, std::move(server), 1},
                               {{"r", user, name, online}, {"", user, name, online}}};
  }
  // The status that the archive is told next.
  chat::SetStatus next_status() {
    auto asked = await_request<chat::SetStatus>();
    answer(asked, chat::UserFound{});
    return content<chat::SetStatus>(asked);
  }
  bool status_asked() {
    settle();
    return std::ranges::any_of(archive.asked, [](const ScriptedArchive::Asked& asked) {
      const auto* write = std::get_if<chat::WriteRequest>(&asked.request);
      return write && std::holds_alternative<chat::SetStatus>(*write);
    });
  }
  void leave(std::unique_ptr<TestClient>& client) {
    std::erase(clients, client.get());
    client.reset();
  }
  // What was told of that kind, awaiting the first.
  template <typename Wanted>
  Wanted told() {
    const Wanted* found = nullptr;
    pump([&] {
      for (const chat::Signal& signal : bus.elsewhere) {
        if (!found) found = std::get_if<Wanted>(&signal);
      }
      return found != nullptr;
    });
    Wanted first = *found;
    bus.elsewhere.clear();
    return first;
  }
};

TEST_F(OtherServersTest, people_there_are_people_here) {
  start();
  auto ann = member(1, "r", 0);
  hear(elsewhere(2, true));
  const std::string joined = await_frame(*ann, "user_joined");
  EXPECT_NE(joined.find(R"("userId":2,"username":"user2","onlineCount":2)"), std::string::npos)
      << joined;
  auto bob = authenticated(3);
  bob->say(R"({"type":"join_room","roomId":"r"})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 0, 0, 0, 7});
  const std::string entered = await_frame(*bob, "room_joined");
  EXPECT_NE(entered.find(R"("onlineUsers":[1,2,3],"onlineCount":3)"), std::string::npos) << entered;
  hear(elsewhere(2, false));
  const std::string left = await_frame(*ann, "user_left");
  EXPECT_NE(left.find(R"("userId":2,"username":"user2","onlineCount":2)"), std::string::npos)
      << left;
}

TEST_F(OtherServersTest, they_are_told_who_is_here) {
  start();
  auto ann = member(1, "r", 0);
  const auto delta = told<chat::PresenceDelta>();
  ASSERT_EQ(delta.changes.size(), 2u);
  EXPECT_EQ(delta.changes[0].room, "");
  EXPECT_EQ(delta.changes[1].room, "r");
  EXPECT_EQ(delta.changes[1].username, "user1");
  EXPECT_TRUE(delta.changes[1].online);
  const auto server = told<chat::ServerSignal>();
  EXPECT_EQ(server.connections, 1u);
  EXPECT_TRUE(server.archive);
  leave(ann);
  const auto departures = told<chat::PresenceDelta>();
  ASSERT_EQ(departures.changes.size(), 2u);
  EXPECT_EQ(departures.changes[0].room, "r");  // before the server: with that the name goes
  EXPECT_FALSE(departures.changes[1].online);
}

TEST_F(OtherServersTest, a_digest_names_everybody_in_parts) {
  start();
  std::vector<std::unique_ptr<TestClient>> all;
  constexpr chat::UserId people = 150;  // each in a room and connected: two places
  for (chat::UserId user = 1; user <= people; ++user) all.push_back(member(user, "r", 0));
  bus.elsewhere.clear();
  std::vector<chat::PresenceDigest> parts;
  pump([&] {
    parts.clear();
    for (const chat::Signal& signal : bus.elsewhere) {
      const auto* part = std::get_if<chat::PresenceDigest>(&signal);
      if (part && (!part->begin || !parts.empty())) parts.push_back(*part);
      if (!parts.empty() && !parts.back().end) return true;
    }
    return false;
  });
  ASSERT_EQ(parts.size(), 2u);
  EXPECT_EQ(parts[0].people.size(), chat::PresenceDigest::max_people);
  EXPECT_EQ(parts[1].begin, parts[0].end);
  EXPECT_EQ(parts[0].people.size() + parts[1].people.size(), 2 * people);
  EXPECT_EQ(parts[0].people[0].place, (chat::PresencePlace{"r", 1}));
  EXPECT_EQ(parts[1].people.back().place, (chat::PresencePlace{"", people}));
}

TEST_F(OtherServersTest, who_is_there_too_is_not_written_offline) {
  start();
  hear(elsewhere(1, true));
  auto ann = member(1, "r", 0);
  leave(ann);
  pump([&] { return shard->load() == 0; });
  EXPECT_FALSE(status_asked());
  // Both servers thought that the other one still had her.
  hear(elsewhere(1, false));
  EXPECT_FALSE(next_status().online);
}

TEST_F(OtherServersTest, who_left_there_and_is_here_is_written_online_again) {
  start();
  hear(elsewhere(1, true));
  auto ann = member(1, "r", 0);
  EXPECT_FALSE(status_asked());  // the other server has told the archive
  hear(elsewhere(1, false));     // and now told it the contrary
  EXPECT_TRUE(next_status().online);
}

TEST_F(OtherServersTest, moves_between_others_are_theirs_to_write) {
  start();
  hear(elsewhere(1, true));
  hear(elsewhere(1, true, "c"));
  hear(elsewhere(1, false));
  hear(elsewhere(1, false, "c"));
  EXPECT_FALSE(status_asked());
}

TEST_F(OtherServersTest, typing_ends_even_if_nobody_says_so) {
  config.presence.typing_ms = 1;
  start();
  auto ann = member(1, "r", 0);
  hear(elsewhere(2, true));
  hear(chat::TypingSignal{"r", 2, "user2", true});
  const std::string begins = await_frame(*ann, "typing");
  EXPECT_NE(begins.find(R"("isTyping":true)"), std::string::npos) << begins;
  const std::string ends = await_frame(*ann, "typing");
  EXPECT_NE(ends.find(R"("userId":2,"username":"user2","isTyping":false)"), std::string::npos)
      << ends;
}

TEST_F(OtherServersTest, revoked_tokens_are_read_though_nobody_told_of_one) {
  start();
  await_request<chat::ListRevocations>();
}

TEST_F(OtherServersTest, a_read_pointer_is_told_to_where_its_user_is) {
  start();
  auto ann = member(1, "r", 4);
  ann->say(R"({"type":"mark_read","roomId":"r","seq":3})");
  answer(await_request<chat::MarkRead>(), chat::ReadMarked{"r", 3, 4, 1});
  await_frame(*ann, "read_update");
  EXPECT_EQ(bus.reads, 0u);
  hear(elsewhere(1, true));
  settle();
  ann->say(R"({"type":"mark_read","roomId":"r","seq":4})");
  answer(await_request<chat::MarkRead>(), chat::ReadMarked{"r", 4, 4, 0});
  await_frame(*ann, "read_update");
  EXPECT_EQ(bus.reads, 1u);
}

}  // namespace
}  // namespace starling::shard
