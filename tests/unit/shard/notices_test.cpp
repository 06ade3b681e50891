// Soft trouble: who is told of it, and how often.
#include <algorithm>

#include "harness.hpp"

namespace starling::shard {
namespace {

class NoticesTest : public ShardTest {
 protected:
  static std::vector<std::string> notices(const TestClient& client) {
    std::vector<std::string> found;
    for (const std::string& frame : client.frames) {
      if (frame.find(R"("type":"notice")") != std::string::npos) found.push_back(frame);
    }
    return found;
  }
  // At least a second has passed, and what a tick has to say has been said.
  void await_ticks(unsigned count) {
    const unsigned enough = ticks + count;
    pump([&] { return ticks >= enough; });
    settle();
  }
  std::unique_ptr<TestClient> old_client(chat::UserId user) {
    auto client = connect("");
    client->say(R"({"type":"join_room","roomId":"r","userId":)" + std::to_string(user) + "}");
    chat::SessionOpened opened;
    opened.user.id = user;
    answer(await_request<chat::OpenSession>(), opened);
    answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 0, 0, 0, 7});
    await_frame(*client, "room_joined");
    return client;
  }
};

constexpr std::string_view degraded =
    R"({"type":"notice","level":"warning","code":"degraded","message":)"
    R"("Messages cannot be kept now; what is refused may be sent again"})";
constexpr std::string_view restored =
    R"({"type":"notice","level":"info","code":"restored","message":"Messages are kept again"})";

TEST_F(NoticesTest, each_change_of_the_archive_is_told_once_to_sessions_of_v1) {
  start();
  auto ann = member(1, "r", 0);
  auto old = old_client(2);
  auto nobody = connect("starling.v1");
  await_frame(*nobody, "welcome");
  await_ticks(1);
  EXPECT_TRUE(notices(*ann).empty());

  for (int round = 0; round < 2; ++round) {
    archive_healthy = false;
    EXPECT_EQ(await_frame(*ann, "notice"), degraded);
    await_ticks(1);
    EXPECT_TRUE(notices(*ann).empty());
    archive_healthy = true;
    EXPECT_EQ(await_frame(*ann, "notice"), restored);
  }
  await_ticks(1);
  EXPECT_TRUE(notices(*ann).empty());
  EXPECT_TRUE(notices(*old).empty());
  EXPECT_TRUE(notices(*nobody).empty());
}

TEST_F(NoticesTest, who_comes_while_the_archive_is_away_is_told_too) {
  start();
  auto ann = authenticated(1);
  archive_healthy = false;
  EXPECT_EQ(await_frame(*ann, "notice"), degraded);
  auto bob = authenticated(2);
  EXPECT_EQ(await_frame(*bob, "notice"), degraded);
  auto old = old_client(3);
  settle();
  EXPECT_TRUE(notices(*old).empty());
}

TEST_F(NoticesTest, an_episode_of_throttling_has_an_error_for_each_message_and_one_notice) {
  config.limits.messages_per_second = 1;
  config.limits.message_burst = 2;  // `auth` and `join_room`
  start();
  auto ann = member(1, "r", 0);
  for (int episode = 0; episode < 2; ++episode) {
    const auto errors = [&] {
      std::size_t count = 0;
      for (const std::string& frame : ann->frames) {
        if (frame.find(R"("code":"rate_limited")") != std::string::npos) ++count;
      }
      return count;
    };
    ann->frames.clear();
    for (int i = 0; i < 20; ++i) ann->say(R"({"type":"ping"})");
    pump([&] { return errors() >= 15; });
    settle();
    ASSERT_EQ(notices(*ann).size(), 1u);
    EXPECT_EQ(notices(*ann)[0],
              R"({"type":"notice","level":"warning","code":"throttled","message":)"
              R"("More than 1 messages a second from this connection, or too many from its )"
              R"(user or address; those above are refused"})");
    await_ticks(2);  // the episode is over
  }
}

TEST_F(NoticesTest, an_old_client_is_slowed_down_without_a_word) {
  config.limits.messages_per_second = 10;
  config.limits.message_burst = 1;
  start();
  auto old = old_client(1);
  for (int i = 0; i < 5; ++i) old->say(R"({"type":"ping"})");
  const auto is_pong = [](const std::string& frame) {
    return frame.find(R"("type":"pong")") != std::string::npos;
  };
  pump([&] { return std::count_if(old->frames.begin(), old->frames.end(), is_pong) == 5; });
  EXPECT_TRUE(std::all_of(old->frames.begin(), old->frames.end(), [&](const std::string& frame) {
    return is_pong(frame) || frame.find(R"("type":"user_joined")") != std::string::npos;
  }));
}

}  // namespace
}  // namespace starling::shard
