// What users, addresses and rooms may do, whatever connection it is tried by.
#include <algorithm>

#include "harness.hpp"

namespace starling::shard {
namespace {

using chat::Limit;
constexpr std::string_view refused = R"("code":"rate_limited")";
constexpr std::string_view ping = R"({"type":"ping"})";

class LimitsTest : public ShardTest {
 protected:
  static std::ptrdiff_t count(const TestClient& client, std::string_view part) {
    return std::count_if(client.frames.begin(), client.frames.end(), [&](const std::string& frame) {
      return frame.find(part) != std::string::npos;
    });
  }
  void expect_closed(TestClient& client, unsigned code) {
    pump([&] { return client.close_code != 0; });
    EXPECT_EQ(client.close_code, code);
  }
  static chat::MessagePosted posted(const chat::PostMessage& post, chat::Seq seq) {
    chat::MessagePosted made;
    made.id = 1'000 + seq;
    made.seq = seq;
    made.room = post.room;
    made.client_message_id = post.client_message_id;
    made.event.sender = post.sender;
    return made;
  }
};

TEST_F(LimitsTest, a_user_has_one_bucket_for_all_connections_on_all_shards) {
  config.limits.user_messages_per_second = 1;
  config.limits.user_message_burst = 4;
  start(2);
  auto one = authenticated(1);  // nobody yet when it says so: the user's bucket is full
  auto two = authenticated(1);
  auto other = authenticated(2);
  for (int i = 0; i < 3; ++i) {
    one->say(ping);
    two->say(ping);
  }
  pump([&] { return count(*one, "pong") + count(*two, "pong") == 4; });
  pump([&] { return count(*one, refused) + count(*two, refused) == 2; });
  EXPECT_EQ(quotas->refused(Limit::user_messages), 2u);
  auto three = authenticated(1);  // a new connection begins nothing anew
  three->say(ping);
  await_frame(*three, "error");
  other->say(ping);
  await_frame(*other, "pong");
}

TEST_F(LimitsTest, an_address_has_one_bucket_for_everything) {
  config.limits.address_requests_per_second = 1;
  config.limits.address_request_burst = 5;
  start();
  auto one = authenticated(1);  // the upgrade and `auth`
  auto two = authenticated(2);
  one->say(ping);
  await_frame(*one, "pong");
  two->say(ping);
  await_frame(*two, "error");
  EXPECT_EQ(quotas->refused(Limit::address_requests), 1u);
}

TEST_F(LimitsTest, an_old_client_is_slowed_down_for_its_user_too) {
  config.limits.user_messages_per_second = 20;
  config.limits.user_message_burst = 1;
  start();
  auto old = connect("");
  old->say(R"({"type":"auth","userId":1,"roomId":"r"})");
  chat::SessionOpened opened;
  opened.user.id = 1;
  answer(await_request<chat::OpenSession>(), opened);
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 0, 0, 0, 7});
  const base::Instant begun = std::chrono::steady_clock::now();
  for (int i = 0; i < 5; ++i) old->say(ping);
  pump([&] { return count(*old, "pong") == 5; });
  EXPECT_EQ(count(*old, refused), 0);
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds{150});
}

TEST_F(LimitsTest, a_room_has_its_rate_whoever_writes) {
  config.limits.room_messages_per_second = 1;
  config.limits.room_message_burst = 2;
  start();
  auto ann = authenticated(1);
  auto bob = authenticated(2);
  const auto say = [](TestClient& client, std::string_view room) {
    client.say(R"({"type":"chat_message","roomId":")" + std::string{room} +
               R"(","content":"x","clientMessageId":"c"})");
  };
  // Who may not write there takes nothing from those who may.
  for (int i = 0; i < 5; ++i) {
    say(*bob, "r");
    answer(await_request<chat::PostMessage>(),
           chat::Failure{chat::FailureCode::not_in_room, "Join the room first"});
    EXPECT_NE(await_frame(*bob, "error").find("not_in_room"), std::string::npos);
  }
  for (chat::Seq seq = 1; seq <= 2; ++seq) {
    say(*ann, "r");
    auto asked = await_request<chat::PostMessage>();
    answer(asked, posted(content<chat::PostMessage>(asked), seq));
    await_frame(*ann, "message_sent");
  }
  say(*bob, "r");
  const std::string error = await_frame(*bob, "error");
  EXPECT_NE(error.find(refused), std::string::npos) << error;
  EXPECT_NE(error.find(R"("retryAfterMs":)"), std::string::npos) << error;
  EXPECT_NE(error.find(R"("clientMessageId":"c")"), std::string::npos) << error;
  say(*bob, "s");
  await_request<chat::PostMessage>();
}

TEST_F(LimitsTest, rooms_that_a_user_creates_are_limited) {
  config.limits.rooms_created_per_hour = 1;
  config.limits.rooms_per_user = 77;
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"join_room","roomId":"new"})");
  auto asked = await_request<chat::JoinRoom>();
  EXPECT_TRUE(content<chat::JoinRoom>(asked).may_create);
  EXPECT_EQ(content<chat::JoinRoom>(asked).max_rooms, 77u);
  chat::RoomJoined joined{"new", 0, 0, 0, 7};
  joined.created = true;
  answer(asked, joined);
  await_frame(*ann, "room_joined");
  ann->say(R"({"type":"join_room","roomId":"newer"})");
  asked = await_request<chat::JoinRoom>();
  EXPECT_FALSE(content<chat::JoinRoom>(asked).may_create);
  answer(asked, chat::Failure{chat::FailureCode::rate_limited, "too many"});
  await_frame(*ann, "error");
  ann->say(R"({"type":"chat_message","roomId":"newer","content":"x"})");
  asked = await_request<chat::PostMessage>();
  EXPECT_FALSE(content<chat::PostMessage>(asked).may_create);
  EXPECT_EQ(quotas->refused(Limit::user_rooms_created), 1u);
}

TEST_F(LimitsTest, a_user_has_so_many_sockets) {
  config.limits.user_connections = 2;
  start();
  auto one = authenticated(1);
  auto two = authenticated(1);
  auto three = connect("starling.v1");
  three->say(R"({"type":"auth","userId":1})");
  chat::SessionOpened opened;
  opened.user.id = 1;
  answer(await_request<chat::OpenSession>(), opened);
  EXPECT_NE(await_frame(*three, "error").find(refused), std::string::npos);
  expect_closed(*three, 1008);
  // A socket that goes makes room; `auth` again on one that is in takes none.
  clients.erase(std::find(clients.begin(), clients.end(), one.get()));
  one.reset();
  two->say(R"({"type":"auth","userId":1})");
  answer(await_request<chat::OpenSession>(), opened);
  await_frame(*two, "auth_success");
  pump([&] { return shard->load() == 2; });
  auto four = authenticated(1);
  EXPECT_EQ(quotas->refused(Limit::user_connections), 1u);
}

TEST_F(LimitsTest, an_address_has_so_many_connections) {
  config.limits.address_connections = 2;
  start(2);
  auto one = authenticated(1);
  auto two = authenticated(2);
  auto three = connect("starling.v1");
  pump([&] { return !three->read(); });
  EXPECT_EQ(quotas->refused(Limit::address_connections), 1u);
  clients.clear();
  one.reset();
  pump([&] { return shards[0]->load() + shards[1]->load() == 1; });
  auto four = authenticated(4);
}

TEST_F(LimitsTest, who_goes_on_after_many_refusals_is_closed) {
  config.limits.messages_per_second = 1;
  config.limits.message_burst = 1;
  config.limits.refusals = 10;
  start();
  auto ann = authenticated(1);
  for (int i = 0; i < 20; ++i) ann->say(ping);
  expect_closed(*ann, 1008);
  EXPECT_EQ(count(*ann, refused), 11);
  EXPECT_EQ(quotas->refused(Limit::refusals), 1u);
}

TEST_F(LimitsTest, metadata_has_its_bytes) {
  config.limits.metadata_bytes = 10;
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"chat_message","roomId":"r","content":"x","metadata":{"abcd":12}})");
  EXPECT_NE(await_frame(*ann, "error").find("too_large"), std::string::npos);
  ann->say(R"({"type":"chat_message","roomId":"r","content":"x","metadata":{"abc":12}})");
  await_request<chat::PostMessage>();
}

}  // namespace
}  // namespace starling::shard
