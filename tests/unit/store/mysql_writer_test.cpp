// The writer of a shared archive at its bounds, over the simulation's clock and database: another
// session holds a room for as long as the test wants, and nothing waits.
#include <chrono>

#include "clock_sim.hpp"
#include "harness.hpp"
#include "io/clock.hpp"
#include "judge.hpp"
#include "mysql_sim.hpp"
#include "tally.hpp"

namespace starling::store {
namespace {

using std::chrono::seconds;

class MysqlWriterTest : public StoreTest {
 protected:
  static void SetUpTestSuite() { sim::share_tally(); }

  MysqlWriterTest() {
    sim::reset_clock(1'700'000'000'000);
    sim::set_judge(&judge);
    options.mysql.emplace().host = "server-0";
    options.batch_events = 10'000;
    start();
    add_user("ann");
    posted(say(1, "a"));
  }
  ~MysqlWriterTest() override {
    stop();
    EXPECT_FALSE(judge.failed()) << judge.rule() << ": " << judge.details();
    sim::set_judge(nullptr);
  }

  // Another server, that is in the middle of its transaction.
  void hold_room(const std::string& room) {
    rival = database.connect(1);
    database.query(rival, "START TRANSACTION");
    database.query(rival, "SELECT id FROM rooms WHERE id = '" + room + "' FOR UPDATE");
  }
  // `count` messages that are numbered from `first` on.
  void post_many(const std::string& room, int first, int count) {
    for (int i = first; i < first + count; ++i) {
      post(chat::PostMessage{room, 1, std::to_string(i), "text", "", "", false});
    }
  }
  void fill_disk(base::Duration length) { database.full_until = io::now() + length; }
  // A turn without a message, after as much time as lies between two trials.
  void turn_later() {
    sim::advance_clock(seconds{5});
    writer->turn();
  }

  sim::Judge judge{false};
  sim::Random random{1};
  sim::MysqlSim database{random};
  std::shared_ptr<sim::MysqlSim::Session> rival;
};

TEST_F(MysqlWriterTest, a_room_that_is_held_keeps_nobody_else_waiting) {
  hold_room("a");
  inbox.replies.clear();
  post_many("a", 1, 1);
  post_many("b", 2, 1);
  writer->turn();
  ASSERT_EQ(inbox.replies.size(), 1u);
  EXPECT_EQ(posted(inbox.replies[0].reply).room, "b");
  database.leave(rival);
  writer->turn();
  ASSERT_EQ(inbox.replies.size(), 2u);
  EXPECT_EQ(posted(inbox.replies[1].reply).seq, 2u) << "behind the one before the test";
}

TEST_F(MysqlWriterTest, mutes_and_bans_hold_at_the_commit) {
  const auto post = [&](const char* room) {
    return write(chat::PostMessage{room, 1, "x", "text", "", "", false});
  };
  database.query(rival = database.connect(1),
                 "INSERT INTO restrictions (user_id, room_id, kind, until) VALUES "
                 "(1, 'quiet', 'mute', 0), (1, 'shut', 'ban', 0), (1, 'over', 'ban', 1)");
  EXPECT_EQ(failure(post("quiet")).code, chat::FailureCode::forbidden);
  EXPECT_EQ(failure(post("shut")).code, chat::FailureCode::forbidden);
  EXPECT_EQ(posted(post("over")).seq, 1u);
  EXPECT_TRUE(std::holds_alternative<chat::RoomJoined>(write(chat::JoinRoom{"quiet", 1})));
  EXPECT_EQ(failure(write(chat::JoinRoom{"shut", 1})).code, chat::FailureCode::forbidden);
  database.query(rival,
                 "INSERT INTO restrictions (user_id, room_id, kind, until) VALUES "
                 "(1, '*', 'ban', 0)");
  EXPECT_EQ(failure(post("over")).code, chat::FailureCode::forbidden);
}

// As many as wait for it keep their order; whoever comes when the place is taken is told at once,
// however large batches may be.
TEST_F(MysqlWriterTest, more_than_16384_who_wait_for_held_rooms_are_told) {
  hold_room("a");
  inbox.replies.clear();
  post_many("a", 1, 10'000);
  writer->turn();
  EXPECT_TRUE(inbox.replies.empty()) << "they wait";
  post_many("a", 10'001, 10'000);
  writer->turn();
  ASSERT_EQ(inbox.replies.size(), 20'000u - 16'384u);
  for (const chat::TicketedReply& told : inbox.replies) {
    ASSERT_EQ(failure(told.reply).code, chat::FailureCode::unavailable);
  }
  inbox.replies.clear();
  inbox.delivered.clear();
  database.leave(rival);
  while (inbox.replies.empty()) ASSERT_TRUE(writer->turn()) << "it waits for nothing any more";
  ASSERT_EQ(inbox.delivered.size(), 16'384u);
  for (std::size_t i = 0; i < inbox.delivered.size(); ++i) {
    ASSERT_EQ(inbox.delivered[i].seq, i + 2);
    ASSERT_EQ(inbox.delivered[i].content, std::to_string(i + 1)) << "in the order they came";
  }
}

// Others hold its room when it is repeated: it is not set aside, where later ones could pass it.
TEST_F(MysqlWriterTest, a_batch_of_which_nobody_knows_lets_none_pass) {
  database.faults.lost_answer = 200;
  do {  // until the answer to a commit is among those that are lost
    inbox.replies.clear();
    sim::advance_clock(seconds{1});
    post_many("a", 1, 1);
    writer->turn();
  } while (!inbox.replies.empty());
  inbox.delivered.clear();
  database.faults.lost_answer = 0;
  hold_room("a");
  writer->turn();
  EXPECT_TRUE(inbox.replies.empty()) << "it is not known yet";
  EXPECT_FALSE(writer->post({chat::PostMessage{"b", 1, "", "text", "", "", false}, {0, {0, 1}}}));
  database.leave(rival);
  writer->turn();
  ASSERT_EQ(inbox.replies.size(), 1u);
  EXPECT_FALSE(posted(inbox.replies[0].reply).duplicate) << "nobody was told of it";
  EXPECT_EQ(inbox.delivered.size(), 1u);
  EXPECT_EQ(posted(say(1, "b")).seq, 1u);
}

// Nobody writes to a server that says it cannot: it finds out by itself that it can again, however
// often that was tried in vain.
TEST_F(MysqlWriterTest, a_trial_that_fails_is_not_the_last_one) {
  fill_disk(seconds{8});
  EXPECT_EQ(failure(say(1, "a")).code, chat::FailureCode::unavailable);
  EXPECT_FALSE(writer->metrics().healthy);
  turn_later();
  EXPECT_FALSE(writer->metrics().healthy) << "the disk is full";
  turn_later();
  EXPECT_TRUE(writer->metrics().healthy);
  EXPECT_EQ(posted(say(1, "a")).seq, 2u);
}

TEST_F(MysqlWriterTest, a_trial_that_loses_the_connection_makes_another) {
  fill_disk(seconds{1});
  EXPECT_EQ(failure(say(1, "a")).code, chat::FailureCode::unavailable);
  database.faults.lost_answer = 1'000;
  turn_later();
  EXPECT_FALSE(writer->metrics().healthy);
  database.faults.lost_answer = 0;
  turn_later();
  EXPECT_TRUE(writer->metrics().healthy);
  EXPECT_EQ(posted(say(1, "a")).seq, 2u);
}

}  // namespace
}  // namespace starling::store
