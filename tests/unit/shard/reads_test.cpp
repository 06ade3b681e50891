// Read pointers: a user's sockets agree on what was read, whichever of them moved it.
#include <algorithm>

#include "harness.hpp"

namespace starling::shard {
namespace {

class ReadsTest : public ShardTest {
 protected:
  static chat::MessagePosted posted(chat::UserId sender, chat::Seq seq, chat::Seq read) {
    chat::MessagePosted posted;
    posted.seq = seq;
    posted.room = "r";
    posted.event = event("r", seq);
    posted.event.sender = sender;
    posted.read = read;
    return posted;
  }
  static std::string update(chat::Seq seq, chat::Seq head, unsigned unread) {
    return R"({"type":"read_update","roomId":"r","userId":1,"seq":)" + std::to_string(seq) +
           R"(,"headSeq":)" + std::to_string(head) + R"(,"unread":)" + std::to_string(unread) + "}";
  }
  static std::size_t updates(const TestClient& client) {
    return static_cast<std::size_t>(std::ranges::count_if(
        client.frames,
        [](const std::string& frame) { return frame.find("read_update") != std::string::npos; }));
  }
  static void say(TestClient& client) {
    client.say(R"({"type":"chat_message","roomId":"r","content":"x","clientMessageId":"c"})");
  }
};

TEST_F(ReadsTest, what_a_user_says_is_read_on_their_other_sockets) {
  start(2);
  auto here = authenticated(1);
  auto there = authenticated(1);  // on the other shard
  auto beside = authenticated(1);
  auto bob = authenticated(2);
  ASSERT_EQ(shards[0]->load(), 2u);
  say(*here);
  answer(await_request<chat::PostMessage>(), posted(1, 5, 5));
  for (TestClient* other : {there.get(), beside.get()}) {
    EXPECT_EQ(await_frame(*other, "read_update"), update(5, 5, 0));
  }
  await_frame(*here, "message_sent");
  settle();
  EXPECT_EQ(updates(*here), 0u) << "it knows";
  EXPECT_EQ(updates(*bob), 0u);
}

TEST_F(ReadsTest, what_moves_no_pointer_is_not_told) {
  start();
  auto here = authenticated(1);
  auto beside = authenticated(1);
  say(*here);
  answer(await_request<chat::PostMessage>(), posted(1, 5, 0));
  await_frame(*here, "message_sent");
  here->say(R"({"type":"join_room","roomId":"r"})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 5, 3, 2, 7, false});
  await_frame(*here, "room_joined");
  settle();
  EXPECT_EQ(updates(*beside), 0u);
}

TEST_F(ReadsTest, a_mark_is_told_with_the_head_up_to_which_was_counted) {
  start(2);
  auto here = authenticated(1);
  auto there = authenticated(1);
  here->say(R"({"type":"mark_read","roomId":"r","seq":4,"ref":"q"})");
  answer(await_request<chat::MarkRead>(), chat::ReadMarked{"r", 4, 9, 3});
  const std::string own = await_frame(*here, "read_update");
  EXPECT_NE(own.find(R"("seq":4,"headSeq":9,"unread":3,"ref":"q")"), std::string::npos) << own;
  EXPECT_EQ(await_frame(*there, "read_update"), update(4, 9, 3));
}

TEST_F(ReadsTest, who_comes_into_a_room_has_read_it_everywhere) {
  start(2);
  auto here = authenticated(1);
  auto there = authenticated(1);
  here->say(R"({"type":"join_room","roomId":"r"})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 8, 8, 0, 7, true});
  EXPECT_EQ(await_frame(*there, "read_update"), update(8, 8, 0));
}

TEST_F(ReadsTest, who_is_gone_before_the_answer_has_read_all_the_same) {
  start();
  auto here = authenticated(1);
  auto beside = authenticated(1);
  say(*here);
  const auto asked = await_request<chat::PostMessage>();
  std::erase(clients, here.get());
  here.reset();
  pump([&] { return shard->load() == 1; });
  answer(asked, posted(1, 5, 5));
  EXPECT_EQ(await_frame(*beside, "read_update"), update(5, 5, 0));
}

TEST_F(ReadsTest, where_there_is_one_socket_nobody_is_told) {
  start(2);
  auto ann = authenticated(1);
  auto bob = authenticated(2);
  say(*ann);
  answer(await_request<chat::PostMessage>(), posted(1, 5, 5));
  await_frame(*ann, "message_sent");
  settle();
  EXPECT_EQ(bus.reads, 0u);
}

}  // namespace
}  // namespace starling::shard
