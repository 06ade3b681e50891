// A database that is there again as it was some commits before, and what the writer makes of it.
// Over the simulation's database and clock; with MariaDB: tests/fleet/gone_back.
#include <gtest/gtest.h>
#include <sqlite3.h>

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "../../sim/clock_sim.hpp"
#include "../../sim/judge.hpp"
#include "../../sim/mysql_sim.hpp"
#include "../../sim/tally.hpp"
#include "harness.hpp"

namespace starling::store {
namespace {

struct Listener final : chat::CommitListener {
  void committed(const chat::CommittedBatchRef& batch) override { batches.push_back(batch); }
  std::vector<chat::CommittedBatchRef> batches;
};

class LostCommitsTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { sim::share_tally(); }
  LostCommitsTest() {
    sim::set_judge(&judge);
    start(0);
    user = std::get<chat::UserFound>(write(chat::CreateUser{"ann", "ann@x", ""})).user.id;
  }
  ~LostCommitsTest() override {
    writer.reset();
    archive.reset();
    sim::set_judge(nullptr);
  }

  // A server, by a wall clock of its own.
  void start(base::WallMs wall) {
    writer.reset();
    archive.reset();
    sim::reset_clock(wall);
    ArchiveOptions options;
    options.mysql.emplace();
    options.mysql->host = "server-1";
    options.encoder = &encoder;
    options.listener = &listener;
    archive = std::move(*Archive::open(options));
    writer = std::move(*archive->make_writer({&inbox}));
  }
  chat::Reply write(chat::WriteRequest request) {
    inbox.replies.clear();
    CHECK(writer->post({std::move(request), {}}));
    writer->turn();
    return inbox.replies.empty() ? chat::Reply{} : std::move(inbox.replies.front().reply);
  }
  chat::MessagePosted say(const std::string& room) {
    return std::get<chat::MessagePosted>(
        write(chat::PostMessage{room, user, "hello", "text", "", "", false}));
  }
  // All connections to it are lost, and made again.
  void lose_connections() {
    database.lose_all_sessions();
    sim::advance_clock(std::chrono::seconds{2});
    writer->turn();
  }
  // To what it was when it was kept.
  void go_back() {
    database.go_back();
    database.heal();
    lose_connections();
  }
  std::int64_t number(const char* question) {
    sqlite3_stmt* statement = nullptr;
    sqlite3_prepare_v2(database.committed(), question, -1, &statement, nullptr);
    sqlite3_step(statement);
    const std::int64_t found = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    return found;
  }
  std::uint64_t epoch() {
    return static_cast<std::uint64_t>(number("SELECT value FROM meta WHERE name = 'epoch'"));
  }
  void change(const char* statement) {
    ASSERT_EQ(sqlite3_exec(database.committed(), statement, nullptr, nullptr, nullptr), SQLITE_OK);
  }

  sim::Judge judge{false};
  sim::Random random{1};
  sim::MysqlSim database{random};
  PlainEncoder encoder;
  RecordingInbox inbox;
  Listener listener;
  std::unique_ptr<Archive> archive;
  std::unique_ptr<Writer> writer;
  chat::UserId user = 0;
};

// Nothing is written afterwards: what was lost is noticed by the writer alone, and all are told.
TEST_F(LostCommitsTest, the_newest_event_is_looked_for_after_a_reconnection) {
  say("r");
  database.keep_copy();
  say("r");
  const std::uint64_t before = epoch();
  inbox.looks = 0;
  go_back();
  EXPECT_GT(epoch(), before);
  EXPECT_EQ(writer->metrics().lost_commits, 1u);
  EXPECT_EQ(inbox.looks, 2u);  // for what others wrote meanwhile, and for the epoch
  EXPECT_EQ(listener.batches.back()->epoch, epoch());
  EXPECT_TRUE(listener.batches.back()->entries.empty());
}

TEST_F(LostCommitsTest, what_was_known_of_before_proves_nothing_in_the_new_epoch) {
  database.keep_copy();
  say("r");
  say("r");
  go_back();
  lose_connections();
  EXPECT_EQ(say("r").seq, 1u);
  EXPECT_EQ(writer->metrics().lost_commits, 1u);
}

TEST_F(LostCommitsTest, the_same_where_the_connection_is_lost_in_a_batch) {
  say("r");
  database.keep_copy();
  say("r");
  const std::uint64_t before = epoch();
  database.go_back();
  database.heal();
  EXPECT_EQ(say("elsewhere").seq, 1u);
  EXPECT_GT(epoch(), before);
  EXPECT_EQ(listener.batches.back()->epoch, epoch());
}

// The first one made no event: only its ids are gone.
TEST_F(LostCommitsTest, a_block_of_ids_is_a_commit_too) {
  database.keep_copy();
  write(chat::PostMessage{"r", user + 1, "of nobody", "text", "", "", false});
  const std::uint64_t before = epoch();
  go_back();
  EXPECT_GT(epoch(), before);
}

TEST_F(LostCommitsTest, an_epoch_that_went_back_is_raised_above_what_it_was) {
  database.keep_copy();
  say("r");
  go_back();
  const std::uint64_t before = epoch();
  go_back();
  EXPECT_GT(epoch(), before);
  EXPECT_EQ(writer->metrics().lost_commits, 2u);
}

// Nothing may be numbered in the old one.
TEST_F(LostCommitsTest, while_the_epoch_cannot_be_raised_senders_are_told) {
  say("r");
  database.keep_copy();
  say("r");
  database.go_back();
  database.heal();
  change(
      "CREATE TRIGGER stuck BEFORE UPDATE ON meta WHEN old.name = 'epoch' "
      "BEGIN SELECT RAISE(IGNORE); END");
  lose_connections();
  const chat::Reply refused = write(chat::PostMessage{"r", user, "hello", "text", "", "", false});
  EXPECT_EQ(std::get<chat::Failure>(refused).code, chat::FailureCode::unavailable);
  EXPECT_FALSE(writer->metrics().healthy);
  EXPECT_EQ(number("SELECT head FROM rooms WHERE id = 'r'"), 1);
  change("DROP TRIGGER stuck");
  const std::uint64_t before = epoch();
  EXPECT_EQ(say("r").seq, 2u);
  EXPECT_GT(epoch(), before);
}

TEST_F(LostCommitsTest, where_nothing_is_lost_the_epoch_stays) {
  say("r");
  const std::uint64_t before = epoch();
  database.keep_copy();
  inbox.looks = 0;
  go_back();
  EXPECT_EQ(say("r").seq, 2u);
  EXPECT_EQ(epoch(), before);
  EXPECT_EQ(inbox.looks, 1u);
}

TEST_F(LostCommitsTest, what_a_feed_doubts_is_lost_only_where_it_is_not_there) {
  const chat::MessagePosted first = say("r");
  const chat::MessagePosted second = say("r");
  const std::uint64_t before = epoch();
  const auto checked = [&](chat::Seq seq, chat::MessageId id, chat::MessageId other,
                           std::uint64_t seen) {
    return std::get<chat::EventsChecked>(write(chat::CheckEvents{"r", seq, id, other, seen})).epoch;
  };
  EXPECT_EQ(checked(2, second.id, first.id, before), before);
  EXPECT_EQ(checked(3, first.id + 1'000, 0, before - 1), before);  // of an epoch that is over
  const std::uint64_t other_lost = checked(2, second.id, second.id + 1'000, before);
  EXPECT_GT(other_lost, before);
  const std::uint64_t own_lost = checked(2, second.id + 2'000, 0, other_lost);
  EXPECT_GT(own_lost, other_lost);
  const std::uint64_t head_low = checked(3, 0, 0, own_lost);
  EXPECT_GT(head_low, own_lost);
  EXPECT_EQ(checked(2, second.id, 0, head_low + 1), head_low + 2);  // it was itself lost
  EXPECT_EQ(epoch(), head_low + 2);
}

// ---- ids -------------------------------------------------------------------------------------

TEST_F(LostCommitsTest, a_first_block_begins_at_a_distance_by_the_clock) {
  const std::int64_t next = number("SELECT value FROM meta WHERE name = 'next_message_id'");
  database.keep_copy();
  start(4'000'000'012'345);
  EXPECT_EQ(say("r").id, next + 12'345);
  writer.reset();
  database.go_back();
  database.heal();
  start(4'000'000'054'321);
  EXPECT_EQ(say("r").id, next + 54'321);
}

// Also that of a message whose id had been given when the epoch was found.
TEST_F(LostCommitsTest, in_a_new_epoch_ids_begin_above_all_that_there_are) {
  say("r");
  database.keep_copy();
  say("r");
  database.go_back();
  database.heal();
  change("UPDATE messages SET id = 5000000; UPDATE rooms SET last_id = 5000000");
  EXPECT_GT(say("r").id, 5'000'000);
}

}  // namespace
}  // namespace starling::store
