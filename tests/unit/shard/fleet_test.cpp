// A shard whose server is one of several: events by the bus, holes that may close by themselves,
// and the archive as what the bus may have lost.
#include <gtest/gtest.h>

#include <algorithm>

#include "harness.hpp"

namespace starling::shard {
namespace {

class FleetTest : public ShardTest {
 protected:
  FleetTest() {
    fleet = std::make_unique<chat::FleetState>();
    bus_works(true);
    config.bus.gap_wait_ms = 1;
  }
  void bus_works(bool works) {
    fleet->publishing = works;
    fleet->hearing = works;
    fleet->complete = works;
  }
  template <typename Wanted>
  bool was_asked() {
    return std::ranges::any_of(archive.asked, [](const ScriptedArchive::Asked& asked) {
      const auto* read = std::get_if<chat::ReadRequest>(&asked.request);
      const auto* write = std::get_if<chat::WriteRequest>(&asked.request);
      if constexpr (std::is_constructible_v<chat::ReadRequest, Wanted>) {
        return read && std::holds_alternative<Wanted>(*read);
      } else {
        return write && std::holds_alternative<Wanted>(*write);
      }
    });
  }
  chat::PageRead page(chat::Seq first, chat::Seq last) {
    chat::PageRead made;
    made.room = "r";
    for (chat::Seq seq = first; seq <= last; ++seq) made.events.push_back(event("r", seq));
    made.head = last;
    return made;
  }
};

TEST_F(FleetTest, what_comes_by_the_bus_is_delivered_once_and_in_order) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed_elsewhere(batch("r", 1, 2));
  shard->committed(batch("r", 3, 3));
  shard->committed_elsewhere(batch("r", 2, 4));
  pump([&] { return seqs(*ann).size() >= 4; });
  settle();
  EXPECT_EQ(seqs(*ann), range(1, 4));
}

TEST_F(FleetTest, rooms_without_members_are_of_no_interest) {
  start();
  auto ann = member(1, "r", 0);
  EXPECT_TRUE(shard->committed_elsewhere(batch("r", 1, 1)));
  EXPECT_FALSE(shard->committed_elsewhere(batch("elsewhere", 1, 1)));
}

TEST_F(FleetTest, what_may_still_come_by_the_bus_is_waited_for) {
  config.bus.gap_wait_ms = 60'000;
  start();
  auto ann = member(1, "r", 0);
  shard->committed(batch("r", 2, 2));
  settle();
  EXPECT_FALSE(was_asked<chat::ReadPage>());
  EXPECT_TRUE(seqs(*ann).empty());
  shard->committed_elsewhere(batch("r", 1, 1));
  pump([&] { return seqs(*ann).size() >= 2; });
  EXPECT_EQ(seqs(*ann), range(1, 2));
}

TEST_F(FleetTest, what_does_not_come_is_read) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed(batch("r", 3, 3));
  auto asked = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(asked).value, 0u);
  EXPECT_EQ(content<chat::ReadPage>(asked).limit, 2u);
  answer(asked, page(1, 2));
  pump([&] { return seqs(*ann).size() >= 3; });
  EXPECT_EQ(seqs(*ann), range(1, 3));
}

TEST_F(FleetTest, what_came_in_time_is_not_read) {
  config.bus.gap_wait_ms = 20;
  start();
  auto ann = member(1, "r", 0);
  const base::Instant begin = std::chrono::steady_clock::now();
  shard->committed(batch("r", 2, 2));
  shard->committed_elsewhere(batch("r", 1, 1));
  pump([&] { return std::chrono::steady_clock::now() - begin > std::chrono::milliseconds{60}; });
  EXPECT_FALSE(was_asked<chat::ReadPage>());
  shard->committed(batch("r", 4, 4));  // the room waits again, and for this one in vain
  await_request<chat::ReadPage>();
}

TEST_F(FleetTest, while_the_bus_is_away_heads_are_asked_for) {
  bus_works(false);
  start();
  auto ann = member(1, "r", 0);
  auto heads = await_request<chat::ReadHeads>();
  EXPECT_EQ(content<chat::ReadHeads>(heads).rooms, (std::vector<chat::ReadHeads::Asked>{{"r", 0}}));
  answer(heads, chat::HeadsRead{{{"r", 2}}});
  answer(await_request<chat::ReadPage>(), page(1, 2));
  pump([&] { return seqs(*ann).size() >= 2; });
  EXPECT_EQ(seqs(*ann), range(1, 2));
  await_request<chat::ReadHeads>();  // and again
}

TEST_F(FleetTest, while_the_bus_is_away_a_hole_waits_for_the_poll) {
  bus_works(false);
  start();
  auto ann = member(1, "r", 0);
  auto heads = await_request<chat::ReadHeads>();
  shard->committed(batch("r", 2, 2));
  settle();
  EXPECT_FALSE(was_asked<chat::ReadPage>());
  answer(heads, chat::HeadsRead{{{"r", 0}}});  // of before; the hole is known by now
  answer(await_request<chat::ReadPage>(), page(1, 1));
  pump([&] { return seqs(*ann).size() >= 2; });
  EXPECT_EQ(seqs(*ann), range(1, 2));
}

TEST_F(FleetTest, a_silent_server_makes_the_others_ask) {
  start();
  auto ann = member(1, "r", 0);
  settle();
  EXPECT_FALSE(was_asked<chat::ReadHeads>());
  fleet->complete = false;
  await_request<chat::ReadHeads>();
}

TEST_F(FleetTest, what_was_missed_is_found) {
  start();
  auto ann = member(1, "r", 0);
  settle();
  EXPECT_FALSE(was_asked<chat::ReadHeads>());
  shard->missed();
  shard->wake();
  answer(await_request<chat::ReadHeads>(), chat::HeadsRead{{{"r", 1}}});
  answer(await_request<chat::ReadPage>(), page(1, 1));
  pump([&] { return seqs(*ann).size() >= 1; });
}

TEST_F(FleetTest, heads_for_which_there_is_no_place_are_asked_for_later) {
  start();
  auto ann = member(1, "r", 0);
  settle();
  archive.full = true;
  shard->missed();
  shard->wake();
  settle();
  EXPECT_FALSE(was_asked<chat::ReadHeads>());
  archive.full = false;
  settle();
  EXPECT_TRUE(was_asked<chat::ReadHeads>()) << "only the next comparison asks for them";
}

// Its heads may have been read before that was committed.
TEST_F(FleetTest, what_is_missed_while_heads_are_read_is_asked_for_again) {
  start();
  auto ann = member(1, "r", 0);
  shard->missed();
  auto first = await_request<chat::ReadHeads>();
  shard->missed();
  settle();
  EXPECT_FALSE(was_asked<chat::ReadHeads>());  // one at a time
  answer(first, chat::HeadsRead{{{"r", 0}}});
  await_request<chat::ReadHeads>();
}

// A room that gets its first member holds back what comes, until it knows from where.
TEST_F(FleetTest, what_comes_while_the_first_member_joins_is_not_lost) {
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"join_room","roomId":"r"})");
  const auto asked = await_request<chat::JoinRoom>();
  shard->committed_elsewhere(batch("r", 4, 6));
  settle();
  answer(asked, chat::RoomJoined{"r", 5, 0, 0, 7});  // the room has come to 6 by then
  auto rest = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(rest).value, 5u);
  answer(rest, page(6, 6));
  shard->committed_elsewhere(batch("r", 7, 7));
  pump([&] { return seqs(*ann).size() >= 2; });
  EXPECT_EQ(seqs(*ann), range(6, 7));
}

TEST_F(FleetTest, a_join_of_an_older_epoch_has_to_come_again) {
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"join_room","roomId":"r"})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 5, 0, 0, 6});
  pump([&] { return ann->close_code != 0; });
  EXPECT_EQ(ann->close_code, 4'100u);
}

chat::CommittedBatchRef of_epoch(const chat::CommittedBatchRef& batch, std::uint64_t epoch) {
  auto made = std::make_shared<chat::CommittedBatch>(*batch);
  made->epoch = epoch;
  return made;
}

TEST_F(FleetTest, a_new_epoch_sends_the_members_to_resume) {
  start();
  auto ann = member(1, "r", 5);
  shard->committed_elsewhere(of_epoch(batch("r", 2, 2), 8));
  pump([&] { return ann->close_code != 0; });
  EXPECT_EQ(ann->close_code, 4'100u);
  EXPECT_TRUE(seqs(*ann).empty());
  auto bob = authenticated(2);
  bob->say(R"({"type":"join_room","roomId":"r","afterSeq":5,"epoch":7})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 2, 0, 0, 8});
  await_frame(*bob, "gap");
  shard->committed(of_epoch(batch("r", 3, 3), 8));
  pump([&] { return seqs(*bob).size() >= 1; });
  EXPECT_EQ(seqs(*bob), range(3, 3));
}

TEST_F(FleetTest, what_comes_late_from_an_older_epoch_is_dropped) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed_elsewhere(of_epoch(batch("r", 1, 1), 6));
  shard->committed_elsewhere(of_epoch(batch("r", 1, 1, 20), 7));
  pump([&] { return !seqs(*ann).empty(); });
  EXPECT_NE(ann->frames.back().find(std::string(20, 'c')), std::string::npos);
}

// ---- commits that are lost -------------------------------------------------------------------

// An event that says what it follows.
chat::CommittedBatchRef follows(const chat::CommittedBatchRef& batch, chat::MessageId id,
                                chat::MessageId previous) {
  auto made = std::make_shared<chat::CommittedBatch>(*batch);
  made->epoch = 7;
  made->entries.front().event.id = id;
  made->entries.front().event.previous = previous;
  return made;
}

TEST_F(FleetTest, what_does_not_follow_is_held_until_the_archive_was_asked) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed_elsewhere(follows(batch("r", 1, 1), 11, 0));
  shard->committed_elsewhere(follows(batch("r", 2, 2), 22, 21));
  auto asked = await_request<chat::CheckEvents>();
  const auto& check = content<chat::CheckEvents>(asked);
  EXPECT_EQ(check.room, "r");
  EXPECT_EQ(check.seq, 1u);
  EXPECT_EQ(check.id, 11u);
  EXPECT_EQ(check.other, 22u);
  EXPECT_EQ(check.epoch, 7u);
  shard->committed_elsewhere(follows(batch("r", 3, 3), 23, 22));
  settle();
  EXPECT_EQ(seqs(*ann), range(1, 1));
  answer(asked, chat::EventsChecked{7});  // all of it is there
  pump([&] { return seqs(*ann).size() >= 3; });
  EXPECT_EQ(seqs(*ann), range(1, 3));
}

TEST_F(FleetTest, what_the_archive_has_lost_sends_the_members_to_resume) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed_elsewhere(follows(batch("r", 1, 1), 11, 0));
  shard->committed_elsewhere(follows(batch("r", 2, 2), 22, 21));
  answer(await_request<chat::CheckEvents>(), chat::EventsChecked{8});
  pump([&] { return ann->close_code != 0; });
  EXPECT_EQ(ann->close_code, 4'100u);
  EXPECT_EQ(seqs(*ann), range(1, 1));
}

TEST_F(FleetTest, a_check_that_was_not_answered_is_asked_again) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed_elsewhere(follows(batch("r", 1, 1), 11, 0));
  shard->committed_elsewhere(follows(batch("r", 1, 1), 12, 0));
  answer(await_request<chat::CheckEvents>(),
         chat::Failure{chat::FailureCode::unavailable, "later"});
  answer(await_request<chat::CheckEvents>(), chat::EventsChecked{7});
}

TEST_F(FleetTest, a_head_below_what_was_delivered_when_it_was_asked_for_is_doubted) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed_elsewhere(follows(batch("r", 1, 1), 11, 0));
  pump([&] { return !seqs(*ann).empty(); });
  shard->missed();
  auto heads = await_request<chat::ReadHeads>();
  shard->committed_elsewhere(follows(batch("r", 2, 2), 12, 11));
  pump([&] { return seqs(*ann).size() >= 2; });
  answer(heads, chat::HeadsRead{{{"r", 1, 11, 1}}, 7});  // read before the second one
  settle();
  EXPECT_FALSE(was_asked<chat::CheckEvents>());
  shard->missed();
  answer(await_request<chat::ReadHeads>(), chat::HeadsRead{{{"r", 1, 11, 2}}, 7});
  auto asked = await_request<chat::CheckEvents>();
  EXPECT_EQ(content<chat::CheckEvents>(asked).seq, 2u);
  EXPECT_EQ(content<chat::CheckEvents>(asked).id, 12u);
}

// Heads that were asked for before mean nothing to a feed that has begun anew.
TEST_F(FleetTest, heads_of_before_the_epoch_are_not_doubted) {
  start();
  auto ann = member(1, "r", 9);
  auto bob = member(2, "s", 0);
  shard->missed();
  auto heads = await_request<chat::ReadHeads>();
  shard->committed(of_epoch(batch("r", 3, 3), 8));
  pump([&] { return ann->close_code != 0; });
  answer(heads, chat::HeadsRead{{{"r", 2, 12, 9}}, 8});
  settle();
  EXPECT_FALSE(was_asked<chat::CheckEvents>());
}

TEST_F(FleetTest, an_archive_with_an_older_epoch_is_doubted) {
  start();
  auto ann = member(1, "r", 9);
  shard->missed();
  answer(await_request<chat::ReadHeads>(), chat::HeadsRead{{{"r", 9, 0, 9}}, 6});
  auto asked = await_request<chat::CheckEvents>();
  EXPECT_EQ(content<chat::CheckEvents>(asked).room, "");
  EXPECT_EQ(content<chat::CheckEvents>(asked).epoch, 7u);
  answer(asked, chat::EventsChecked{8});
  pump([&] { return ann->close_code != 0; });
}

// The wire buffer goes on with another history than the page had.
TEST_F(FleetTest, a_page_that_does_not_reach_what_was_delivered_is_not_gone_on_from) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed_elsewhere(follows(batch("r", 1, 1), 11, 0));
  pump([&] { return !seqs(*ann).empty(); });
  auto bob = authenticated(2);
  bob->say(R"({"type":"join_room","roomId":"r","afterSeq":0,"epoch":7})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 1, 0, 0, 7});
  answer(await_request<chat::ReadPage>(), page(1, 1));  // another event
  await_request<chat::CheckEvents>();
  pump([&] { return bob->close_code != 0; });
  EXPECT_EQ(bob->close_code, 1'013u);
  EXPECT_TRUE(seqs(*bob).empty());
}

TEST_F(FleetTest, a_flood_by_the_bus_costs_no_batch_of_the_writer) {
  start();
  auto ann = member(1, "r", 0);
  for (std::size_t i = 0; i <= InboxBounds{}.batches; ++i) {
    shard->committed_elsewhere(batch("r", 9, 9));
  }
  shard->committed(batch("r", 1, 1));
  pump([&] { return seqs(*ann).size() >= 1; });
  EXPECT_EQ(seqs(*ann), range(1, 1));
  await_request<chat::ReadHeads>();  // the bus's own batches were too many
}

}  // namespace
}  // namespace starling::shard
