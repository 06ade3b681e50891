// Memory is short: what is refused, with which words, and what never is. The ladder's memory is 100
// bytes, so one of them is a percent.
#include <chrono>

#include "harness.hpp"

namespace starling::shard {
namespace {

using chat::Service;

constexpr std::size_t typing_goes = 75;
constexpr std::size_t names_go = 80;
constexpr std::size_t history_goes = 85;
constexpr std::size_t joins_go = 90;
constexpr std::size_t connections_go = 94;
constexpr std::size_t messages_go = 97;

class MemoryTest : public ShardTest {
 protected:
  void use(std::size_t percent) { memory.measured(percent, std::chrono::steady_clock::now()); }
  void relax() {
    base::Instant later = std::chrono::steady_clock::now();
    while (memory.step() > 0) memory.measured(0, later += std::chrono::seconds{1});
  }
  void await_ticks(unsigned count) {
    const unsigned enough = ticks + count;
    pump([&] { return ticks >= enough; });
  }
  void expect_refused(TestClient& client, std::string_view ref) {
    const std::string error = await_frame(client, "error");
    EXPECT_NE(error.find(R"("code":"unavailable")"), std::string::npos) << error;
    EXPECT_NE(error.find(R"("retryable":true,"retryAfterMs":2000)"), std::string::npos) << error;
    EXPECT_NE(error.find(ref), std::string::npos) << error;
    EXPECT_TRUE(nothing_asked()) << "the archive was asked all the same";
  }
  bool nothing_asked() const {
    for (const auto& asked : archive.asked) {
      const auto* write = std::get_if<chat::WriteRequest>(&asked.request);
      if (!write || !std::holds_alternative<chat::SetStatus>(*write)) return false;
    }
    return true;
  }
  static bool heard(const TestClient& client, std::string_view part) {
    for (const std::string& frame : client.frames) {
      if (frame.find(part) != std::string::npos) return true;
    }
    return false;
  }
};

TEST_F(MemoryTest, typing_is_not_passed_on_but_its_end_is) {
  start();
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  ann->say(R"({"type":"typing","roomId":"r","isTyping":true})");
  await_frame(*bob, "typing");
  use(typing_goes);
  ann->say(R"({"type":"typing","roomId":"r","isTyping":false})");
  EXPECT_NE(await_frame(*bob, "typing").find(R"("isTyping":false)"), std::string::npos);
  ann->say(R"({"type":"typing","roomId":"r","isTyping":true})");
  ann->say(R"({"type":"ping"})");
  await_frame(*ann, "pong");
  settle();
  EXPECT_FALSE(heard(*bob, R"("type":"typing")"));
  EXPECT_EQ(memory.refused(Service::typing), 1u);
}

TEST_F(MemoryTest, names_are_told_once_there_is_memory_again) {
  config.presence.grace_ms = 0;
  start();
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  await_frame(*ann, "user_joined");
  use(names_go);
  auto eve = member(3, "r", 0);
  auto guest = member(4, "r", 0);
  const std::string count = await_frame(*ann, "presence_count");
  EXPECT_NE(count.find(R"("onlineCount":4)"), std::string::npos) << count;
  guest->hang_up();  // came and went
  bob->hang_up();
  pump([&] { return heard(*ann, R"("onlineCount":2)"); });
  EXPECT_FALSE(heard(*ann, "user_joined"));
  EXPECT_FALSE(heard(*ann, "user_left"));
  relax();
  const std::string joined = await_frame(*ann, "user_joined");
  EXPECT_NE(joined.find(R"("username":"user3")"), std::string::npos) << joined;
  const std::string left = await_frame(*ann, "user_left");
  EXPECT_NE(left.find(R"("username":"user4")"), std::string::npos) << left;
  auto late = member(5, "r", 0);
  EXPECT_NE(await_frame(*ann, "user_joined").find(R"("username":"user5")"), std::string::npos)
      << "and at once from then on";
}

TEST_F(MemoryTest, who_left_meanwhile_is_told_too) {
  config.presence.grace_ms = 0;
  start();
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  use(names_go);
  bob->hang_up();
  pump([&] { return heard(*ann, R"("onlineCount":1)"); });
  relax();
  EXPECT_NE(await_frame(*ann, "user_left").find(R"("username":"user2")"), std::string::npos);
}

TEST_F(MemoryTest, history_is_refused_but_not_what_a_resume_lacks) {
  start();
  auto ann = authenticated(1);
  use(history_goes);
  ann->say(R"({"type":"get_recent_messages","roomId":"r","ref":"h"})");
  expect_refused(*ann, R"("ref":"h")");
  EXPECT_EQ(memory.refused(Service::history), 1u);
  ann->say(R"({"type":"join_room","roomId":"r","afterSeq":1})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 3, 0, 0, 7});
  await_request<chat::ReadPage>();
}

TEST_F(MemoryTest, joins_are_refused_and_leaving_is_not) {
  start();
  auto ann = member(1, "r", 0);
  use(joins_go);
  ann->say(R"({"type":"join_room","roomId":"s","ref":"j"})");
  expect_refused(*ann, R"("ref":"j")");
  ann->say(R"({"type":"leave_room","roomId":"r"})");
  await_request<chat::LeaveRoom>();
  auto old = connect("");
  old->say(R"({"type":"auth","userId":9})");
  chat::SessionOpened opened;
  opened.user.id = 9;
  answer(await_request<chat::OpenSession>(), opened);
  await_frame(*old, "auth_success");  // the greeting is not lost with the room
  expect_refused(*old, "short of memory");
}

TEST_F(MemoryTest, new_connections_are_closed_and_old_ones_go_on) {
  start();
  auto ann = member(1, "r", 0);
  use(connections_go);
  auto late = connect("starling.v1");
  pump([&] { return !late->read(); });
  EXPECT_EQ(memory.refused(Service::connections), 1u);
  ann->say(R"({"type":"chat_message","roomId":"r","content":"hi","clientMessageId":"m"})");
  await_request<chat::PostMessage>();
  relax();
  authenticated(2);
}

TEST_F(MemoryTest, half_of_a_large_message_is_not_kept) {
  start();
  auto ann = member(1, "r", 0);
  auto eve = member(2, "r", 0);
  eve->begin_message(100'000, 50'000);
  settle();
  use(connections_go);
  settle();  // at once, and not at the next tick
  EXPECT_EQ(eve->close_code, 1013u);
  ann->begin_message(70'000, 1'000);  // a small part is
  await_ticks(2);
  EXPECT_EQ(ann->close_code, 0u);
}

TEST_F(MemoryTest, who_receives_much_asks_for_a_measurement) {
  start();
  auto ann = member(1, "r", 0);
  settle();
  const unsigned before = measurements;
  settle();
  EXPECT_EQ(measurements, before) << "nothing came";
  ann->say(R"({"type":"ping"})");  // of 100 bytes one and a half are enough
  await_frame(*ann, "pong");
  settle();
  EXPECT_GT(measurements, before);
}

TEST_F(MemoryTest, messages_are_refused_last) {
  start();
  auto ann = member(1, "r", 0);
  use(messages_go);
  ann->say(R"({"type":"chat_message","roomId":"r","content":"hi","clientMessageId":"m"})");
  expect_refused(*ann, R"("clientMessageId":"m")");
  commit(batch("r", 1, 1));  // what was kept is delivered whatever happens
  await_frame(*ann, "chat_message");
}

}  // namespace
}  // namespace starling::shard
