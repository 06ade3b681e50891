// Messages of a room leave together while more of them are being committed, but do not wait long.
#include "harness.hpp"

namespace starling::shard {
namespace {

class HoldTest : public ShardTest {
 protected:
  // Two messages from ann are with the archive.
  void say_two() {
    for (const char* name : {"one", "two"}) {
      ann->say(R"({"type":"chat_message","roomId":"r","content":"x","clientMessageId":")" +
               std::string{name} + R"("})");
      asked.push_back(await_request<chat::PostMessage>());
    }
  }
  // The archive has committed it, and says so.
  void keep(chat::Seq seq) {
    commit(batch("r", seq, seq));
    chat::MessagePosted posted;
    posted.event = event("r", seq);
    posted.room = "r";
    posted.seq = seq;
    answer(asked.at(seq - 1), std::move(posted));
  }
  void gather() {
    start();
    ann = member(1, "r", 0);
    bob = member(2, "r", 0);
  }

  std::unique_ptr<TestClient> ann;
  std::unique_ptr<TestClient> bob;
  std::vector<ScriptedArchive::Asked> asked;
};

TEST_F(HoldTest, a_message_waits_for_those_that_are_being_committed) {
  longest_hold = std::chrono::hours{1};
  gather();
  say_two();
  keep(1);
  settle();
  EXPECT_TRUE(seqs(*bob).empty());
  EXPECT_TRUE(seqs(*ann).empty());
  for (const std::string& frame : ann->frames) {
    EXPECT_EQ(frame.find("message_sent"), std::string::npos) << "the answer goes ahead";
  }
  keep(2);
  pump([&] { return seqs(*bob).size() == 2 && seqs(*ann).size() == 2; });
  EXPECT_EQ(seqs(*bob), range(1, 2));
}

TEST_F(HoldTest, it_does_not_wait_longer_than_it_may) {
  gather();
  say_two();
  keep(1);
  pump([&] { return seqs(*bob).size() == 1; });
  await_frame(*ann, "message_sent");
  keep(2);
  pump([&] { return seqs(*bob).size() == 2; });
}

TEST_F(HoldTest, a_message_that_is_refused_is_waited_for_no_longer) {
  longest_hold = std::chrono::hours{1};
  gather();
  say_two();
  keep(1);
  answer(asked[1], chat::Failure{chat::FailureCode::forbidden, "no"});
  pump([&] { return seqs(*bob).size() == 1; });
  await_frame(*ann, "error");
}

TEST_F(HoldTest, a_drain_waits_for_nothing) {
  longest_hold = std::chrono::hours{1};
  gather();
  say_two();
  keep(1);
  settle();
  shard->drain();
  pump([&] { return seqs(*bob).size() == 1; });
}

TEST_F(HoldTest, a_room_that_everybody_leaves_is_forgotten_with_what_it_held) {
  longest_hold = std::chrono::hours{1};
  config.presence.grace_ms = 0;  // it is forgotten at once
  gather();
  say_two();
  keep(1);
  settle();
  ann->hang_up();
  bob->hang_up();
  pump([&] { return shard->load() == 0; });
  settle();
  keep(2);
  settle();
  ann = member(1, "r", 2);
  EXPECT_TRUE(seqs(*ann).empty());
}

}  // namespace
}  // namespace starling::shard
