// Joining, delivering, catching up and falling behind, with the archive's answers in every order.
#include <algorithm>

#include "harness.hpp"
#include "shard/inbox.hpp"

namespace starling::shard {
namespace {

using Asked = std::vector<chat::ReadHeads::Asked>;

class RoomsTest : public ShardTest {
 protected:
  // Awaits that the archive is asked for a page that begins with `first`, and answers it.
  void answer_page(chat::Seq first, chat::Seq last) {
    auto asked = await_request<chat::ReadPage>();
    EXPECT_EQ(content<chat::ReadPage>(asked).value + 1, first);
    chat::PageRead page;
    page.room = content<chat::ReadPage>(asked).room;
    for (chat::Seq seq = first; seq <= last; ++seq) page.events.push_back(event(page.room, seq));
    answer(asked, page);
  }
};
using chat::Seq;

Seq head_of(const std::string& joined) {
  const std::size_t at = joined.find(R"("headSeq":)");
  return at == std::string::npos ? 0 : std::stoull(joined.substr(at + 10));
}

TEST_F(RoomsTest, members_get_every_event_once_in_order) {
  start();
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  shard->committed(batch("r", 1, 3));
  shard->committed(batch("r", 3, 3));  // again
  shard->committed(batch("r", 4, 5));
  pump([&] { return seqs(*ann).size() >= 5 && seqs(*bob).size() >= 5; });
  settle();
  EXPECT_EQ(seqs(*ann), range(1, 5));
  EXPECT_EQ(seqs(*bob), range(1, 5));
}

TEST_F(RoomsTest, events_committed_while_joining_come_after_the_head_and_none_is_missed) {
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"join_room","roomId":"r"})");
  const auto asked = await_request<chat::JoinRoom>();
  shard->committed(batch("r", 4, 6));  // the join was committed between 5 and 6
  answer(asked, chat::RoomJoined{"r", 5, 0, 0, 7});
  // The head is the one up to which `unread` was counted; exactly what is above it follows.
  EXPECT_EQ(head_of(await_frame(*ann, "room_joined")), 5u);
  shard->committed(batch("r", 7, 7));
  answer_page(6, 6);
  pump([&] { return newest_seq(*ann) == 7; });
  EXPECT_EQ(seqs(*ann), range(6, 7));
}

TEST_F(RoomsTest, an_old_client_is_in_its_room_when_it_is_told_who_it_is) {
  start();
  auto bob = member(2, "general", 5);
  auto old = connect("");
  old->say(R"({"type":"auth","userId":1})");
  chat::SessionOpened opened;
  opened.user = {1, "ann", {}, 0, 0, true};
  answer(await_request<chat::OpenSession>(), opened);
  const auto asked = await_request<chat::JoinRoom>();
  settle();
  EXPECT_TRUE(old->frames.empty()) << "what is said now would be in no history that it reads";
  answer(asked, chat::RoomJoined{"general", 5, 0, 0, 7});
  pump([&] { return old->frames.size() >= 2; });
  EXPECT_NE(old->frames[0].find("auth_success"), std::string::npos) << old->frames[0];
  EXPECT_NE(old->frames[1].find("room_joined"), std::string::npos) << old->frames[1];

  auto banned = connect("");
  banned->say(R"({"type":"auth","userId":3})");
  opened.user.id = 3;
  answer(await_request<chat::OpenSession>(), opened);
  answer(await_request<chat::JoinRoom>(), chat::Failure{chat::FailureCode::forbidden, "banned"});
  pump([&] { return banned->frames.size() >= 2; });
  EXPECT_NE(banned->frames[0].find("auth_success"), std::string::npos) << banned->frames[0];
  EXPECT_NE(banned->frames[1].find("forbidden"), std::string::npos) << banned->frames[1];
}

TEST_F(RoomsTest, an_old_client_that_joins_is_given_what_comes_behind_its_join) {
  start();
  auto old = connect("");
  old->say(R"({"type":"join_room","roomId":"r","userId":1})");
  chat::SessionOpened opened;
  opened.user = {1, "ann", {}, 0, 0, true};
  answer(await_request<chat::OpenSession>(), opened);
  const auto asked = await_request<chat::JoinRoom>();
  shard->committed(batch("r", 6, 6));
  answer(asked, chat::RoomJoined{"r", 5, 0, 0, 7});
  EXPECT_EQ(head_of(await_frame(*old, "room_joined")), 6u);
  shard->committed(batch("r", 7, 7));
  pump([&] { return !seqs(*old).empty(); });
  EXPECT_EQ(seqs(*old), range(7, 7)) << "6 is in the history that it asks for by REST";
}

TEST_F(RoomsTest, who_joins_ahead_of_the_feed_is_given_nothing_that_it_was_told_of) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed(batch("r", 2, 2));  // the batch of 1 was dropped
  const auto fill = await_request<chat::ReadPage>();
  auto bob = member(2, "r", 2);
  auto carol = authenticated(3);  // has seen 2, elsewhere
  carol->say(R"({"type":"join_room","roomId":"r","afterSeq":2,"epoch":7})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 2, 0, 0, 7});
  await_frame(*carol, "room_joined");
  chat::PageRead page;
  page.events = {event("r", 1)};
  answer(fill, page);
  pump([&] { return seqs(*ann).size() == 2; });
  shard->committed(batch("r", 3, 3));
  pump([&] { return !seqs(*bob).empty() && !seqs(*carol).empty() && seqs(*ann).size() == 3; });
  EXPECT_EQ(seqs(*ann), range(1, 3));
  EXPECT_EQ(seqs(*bob), range(3, 3));
  EXPECT_EQ(seqs(*carol), range(3, 3));
  for (const auto* client : {bob.get(), carol.get()}) {
    for (const std::string& frame : client->frames) {
      EXPECT_EQ(frame.find("gap"), std::string::npos) << frame;
    }
  }
}

TEST_F(RoomsTest, a_hole_is_filled_from_the_archive) {
  start();
  auto ann = member(1, "r", 10);
  shard->committed(batch("r", 13, 14));
  auto asked = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(asked).value, 10u);
  EXPECT_EQ(content<chat::ReadPage>(asked).limit, 2u);
  EXPECT_TRUE(seqs(*ann).empty());
  chat::PageRead page;
  page.room = "r";
  page.events = {event("r", 11), event("r", 12)};
  page.head = 14;
  answer(asked, page);
  pump([&] { return seqs(*ann).size() >= 4; });
  EXPECT_EQ(seqs(*ann), range(11, 14));
}

TEST_F(RoomsTest, a_fill_that_fails_is_tried_again) {
  start();
  auto ann = member(1, "r", 0);
  shard->committed(batch("r", 2, 2));
  answer(await_request<chat::ReadPage>(),
         chat::Failure{chat::FailureCode::unavailable, "the disk is away"});
  const auto again = await_request<chat::ReadPage>();
  chat::PageRead page;
  page.events = {event("r", 1)};
  answer(again, page);
  pump([&] { return seqs(*ann).size() >= 2; });
  EXPECT_EQ(seqs(*ann), range(1, 2));
}

TEST_F(RoomsTest, dropped_batches_are_found_by_asking_for_heads) {
  start();
  auto ann = member(1, "r", 0);
  // More batches in one turn than the ring holds: the last are dropped.
  for (Seq seq = 1; seq <= 1'030; ++seq) shard->committed(batch("r", seq, seq));
  auto heads = await_request<chat::ReadHeads>();
  EXPECT_EQ(content<chat::ReadHeads>(heads).rooms, (Asked{{"r", InboxBounds{}.batches}}));
  answer(heads, chat::HeadsRead{{{"r", 1'030}}});
  auto asked = await_request<chat::ReadPage>();
  chat::PageRead page;
  for (Seq seq = content<chat::ReadPage>(asked).value + 1; seq <= 1'030; ++seq) {
    page.events.push_back(event("r", seq));
  }
  answer(asked, page);
  pump([&] { return seqs(*ann).size() >= 1'030; });
  EXPECT_EQ(seqs(*ann), range(1, 1'030));
}

TEST_F(RoomsTest, what_was_dropped_while_joining_is_found) {
  start();
  auto ann = member(1, "s", 0);
  ann->say(R"({"type":"join_room","roomId":"r"})");
  const auto asked = await_request<chat::JoinRoom>();
  for (Seq seq = 1; seq <= InboxBounds{}.batches; ++seq) shard->committed(batch("s", seq, seq));
  shard->committed(batch("r", 6, 6));                // finds no room
  answer(asked, chat::RoomJoined{"r", 5, 0, 0, 7});  // older than what was dropped
  auto heads = await_request<chat::ReadHeads>();
  auto& rooms = content<chat::ReadHeads>(heads).rooms;
  std::ranges::sort(rooms);
  EXPECT_EQ(rooms, (Asked{{"r", 5}, {"s", InboxBounds{}.batches}}));
  answer(heads, chat::HeadsRead{{{"r", 6}, {"s", InboxBounds{}.batches}}});
  auto fill = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(fill).room, "r");
  EXPECT_EQ(content<chat::ReadPage>(fill).value, 5u);
}

TEST_F(RoomsTest, a_resume_gets_pages_and_then_live_events_without_gap_or_repeat) {
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"join_room","roomId":"r","afterSeq":3,"epoch":7})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 8, 0, 0, 7});
  auto asked = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(asked).value, 3u);
  shard->committed(batch("r", 9, 10));  // lives on while the page is read
  settle();
  EXPECT_TRUE(seqs(*ann).empty());
  chat::PageRead page;
  page.room = "r";
  for (Seq seq = 4; seq <= 9; ++seq) page.events.push_back(event("r", seq));  // read later: has 9
  answer(asked, page);
  pump([&] { return seqs(*ann).size() >= 7; });
  shard->committed(batch("r", 11, 11));
  pump([&] { return seqs(*ann).size() >= 8; });
  EXPECT_EQ(seqs(*ann), range(4, 11));
}

TEST_F(RoomsTest, a_resume_that_the_wire_buffer_outran_reads_more_pages) {
  config.limits.room_buffer_bytes = 64 * 1024;
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"join_room","roomId":"r","afterSeq":0,"epoch":7})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 1, 0, 0, 7});
  auto asked = await_request<chat::ReadPage>();
  shard->committed(batch("r", 2, 101, 2'000));  // 200 KB: the beginning is gone
  settle();
  chat::PageRead page;
  page.events = {event("r", 1)};
  answer(asked, page);
  auto more = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(more).value, 1u);
  chat::PageRead rest;
  for (Seq seq = 2; seq <= 101; ++seq) rest.events.push_back(event("r", seq));
  answer(more, rest);
  pump([&] { return seqs(*ann).size() >= 101; });
  settle();
  EXPECT_EQ(seqs(*ann), range(1, 101));
}

TEST_F(RoomsTest, a_resume_that_begins_again_leaves_nothing_out) {
  start();
  auto ann = authenticated(1);
  const auto join = [&](Seq after) {
    ann->say(R"({"type":"join_room","roomId":"r","afterSeq":)" + std::to_string(after) + "}");
    answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 500, 0, 0, 7});
    await_frame(*ann, "room_joined");
  };
  const auto answer_page = [&](const ScriptedArchive::Asked& asked) {
    auto question = std::get<chat::ReadPage>(std::get<chat::ReadRequest>(asked.request));
    chat::PageRead page;
    page.room = "r";
    page.head = 500;
    for (unsigned i = 1; i <= question.limit; ++i)
      page.events.push_back(event("r", question.value + i));
    answer(asked, page);
  };
  join(0);
  answer_page(await_request<chat::ReadPage>());         // 1 to 200
  const auto second = await_request<chat::ReadPage>();  // 201 to 400, asked for and not answered
  join(100);
  answer_page(second);
  while (newest_seq(*ann) < 500) {
    if (HasFailure()) return;
    answer_page(await_request<chat::ReadPage>());
    settle();
  }
  EXPECT_EQ(seqs(*ann), range(101, 500));
}

TEST_F(RoomsTest, a_resume_from_too_far_is_told_the_gap) {
  config.resume.max_events = 5;
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"join_room","roomId":"r","afterSeq":10,"epoch":7})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 100, 0, 0, 7});
  const std::string gap = await_frame(*ann, "gap");
  EXPECT_NE(gap.find(R"("fromSeq":11)"), std::string::npos) << gap;
  EXPECT_NE(gap.find(R"("toSeq":95)"), std::string::npos) << gap;
  EXPECT_NE(gap.find("too_many"), std::string::npos) << gap;
  auto asked = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(asked).value, 95u);
}

TEST_F(RoomsTest, a_resume_from_another_epoch_or_from_the_future_starts_afresh) {
  start();
  for (const char* where : {R"("afterSeq":3,"epoch":6)", R"("afterSeq":50,"epoch":7)"}) {
    auto ann = authenticated(1);
    ann->say(std::string{R"({"type":"join_room","roomId":"r",)"} + where + "}");
    answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 8, 0, 0, 7});
    EXPECT_NE(await_frame(*ann, "gap").find(R"("reason":"epoch")"), std::string::npos);
    clients.clear();
  }
}

TEST_F(RoomsTest, history_that_cannot_be_read_is_not_skipped) {
  start();
  auto ann = authenticated(1);
  ann->say(R"({"type":"join_room","roomId":"r","afterSeq":3,"epoch":7})");
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 8, 0, 0, 7});
  answer(await_request<chat::ReadPage>(),
         chat::Failure{chat::FailureCode::unavailable, "the disk is away"});
  pump([&] { return ann->close_code != 0; });
  EXPECT_EQ(ann->close_code, 1013u);
}

TEST_F(RoomsTest, a_slow_reader_is_told_its_gap_and_the_others_notice_nothing) {
  config.limits.room_buffer_bytes = 64 * 1024;
  start();
  auto ann = member(1, "r", 0);
  auto slow = member(2, "r", 0, 4'096);
  std::erase(clients, slow.get());  // stops reading
  Seq last = 0;
  for (int round = 0; round < 400; ++round) {
    shard->committed(batch("r", last + 1, last + 10, 2'000));
    last += 10;
    pump([&] { return newest_seq(*ann) == last; });
  }
  EXPECT_EQ(seqs(*ann), range(1, last));
  clients.push_back(slow.get());  // reads again
  pump([&] { return newest_seq(*slow) == last; });
  // What it got and what the gaps name are together everything, in order.
  Seq expected = 1;
  bool gaps = false;
  for (const std::string& frame : slow->frames) {
    if (frame.find(R"("type":"gap")") != std::string::npos) {
      gaps = true;
      EXPECT_NE(frame.find("slow_reader"), std::string::npos);
      EXPECT_EQ(std::stoull(frame.substr(frame.find(R"("fromSeq":)") + 10)), expected);
      expected = std::stoull(frame.substr(frame.find(R"("toSeq":)") + 8)) + 1;
    } else if (frame.find(R"("type":"chat_message")") != std::string::npos) {
      EXPECT_EQ(seq_of(frame), expected++);
    }
  }
  EXPECT_EQ(expected, last + 1);
  EXPECT_TRUE(gaps);
}

TEST_F(RoomsTest, two_who_come_in_one_turn_count_each_other) {
  start();
  auto ann = authenticated(1);
  auto bob = authenticated(2);
  ann->say(R"({"type":"join_room","roomId":"r"})");
  const auto first = await_request<chat::JoinRoom>();
  bob->say(R"({"type":"join_room","roomId":"r"})");
  const auto second = await_request<chat::JoinRoom>();
  answer(first, chat::RoomJoined{"r", 0, 0, 0, 7});
  answer(second, chat::RoomJoined{"r", 0, 0, 0, 7});
  await_frame(*ann, "room_joined");
  EXPECT_NE(await_frame(*ann, "user_joined").find(R"("onlineCount":2)"), std::string::npos);
  EXPECT_NE(await_frame(*bob, "room_joined").find(R"("onlineUsers":[1,2],"onlineCount":2)"),
            std::string::npos);
  settle();
  for (const std::string& frame : bob->frames)
    EXPECT_EQ(frame.find("user_joined"), std::string::npos);
}

TEST_F(RoomsTest, a_slow_reader_hears_how_many_there_are) {
  config.limits.room_buffer_bytes = 64 * 1024;
  config.presence.events_max = 1;
  start();
  auto ann = member(1, "r", 0);
  auto slow = member(2, "r", 0, 4'096);
  std::erase(clients, slow.get());  // stops reading
  Seq last = 0;
  const auto talk = [&](int rounds) {
    for (int round = 0; round < rounds; ++round) {
      shard->committed(batch("r", last + 1, last + 10, 2'000));
      last += 10;
      pump([&] { return newest_seq(*ann) == last; });
      ann->frames.clear();
    }
  };
  talk(400);
  auto carol = member(3, "r", last);
  await_frame(*ann, "presence_count");  // it stands in the room's buffer now
  talk(400);                            // and now no longer
  clients.push_back(slow.get());        // reads again
  pump([&] { return newest_seq(*slow) == last; });
  std::string newest;
  for (const std::string& frame : slow->frames) {
    if (frame.find(R"("type":"presence_count")") != std::string::npos) newest = frame;
  }
  EXPECT_NE(newest.find(R"("onlineCount":3)"), std::string::npos) << newest;
}

TEST_F(RoomsTest, that_somebody_stopped_typing_is_told_in_a_crowd_too) {
  config.presence.events_max = 2;
  start();
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  bob->say(R"({"type":"typing","roomId":"r","isTyping":true})");
  EXPECT_NE(await_frame(*ann, "typing").find(R"("isTyping":true)"), std::string::npos);
  auto carol = member(3, "r", 0);
  bob->say(R"({"type":"typing","roomId":"r","isTyping":false})");
  EXPECT_NE(await_frame(*ann, "typing").find(R"("isTyping":false)"), std::string::npos);
}

TEST_F(RoomsTest, who_left_gets_nothing_more_and_the_rest_goes_on) {
  start();
  auto ann = member(1, "r", 0);
  auto bob = member(2, "r", 0);
  auto eve = member(3, "r", 0);
  bob->say(R"({"type":"leave_room","roomId":"r"})");
  answer(await_request<chat::LeaveRoom>(), chat::RoomLeft{"r"});
  await_frame(*bob, "room_left");
  shard->committed(batch("r", 1, 2));
  pump([&] { return seqs(*ann).size() >= 2 && seqs(*eve).size() >= 2; });
  EXPECT_TRUE(seqs(*bob).empty());
}

TEST_F(RoomsTest, a_full_archive_queue_is_said_and_costs_nobody_else) {
  start();
  auto ann = member(1, "r", 0);
  archive.full = true;
  ann->say(
      R"({"type":"chat_message","roomId":"r","content":"x","clientMessageId":"c1","ref":"q"})");
  const std::string error = await_frame(*ann, "error");
  EXPECT_NE(error.find("unavailable"), std::string::npos) << error;
  EXPECT_NE(error.find(R"("clientMessageId":"c1")"), std::string::npos) << error;
  EXPECT_NE(error.find(R"("ref":"q")"), std::string::npos) << error;
  archive.full = false;
  ann->say(R"({"type":"chat_message","roomId":"r","content":"x","clientMessageId":"c1"})");
  auto asked = await_request<chat::PostMessage>();
  EXPECT_EQ(content<chat::PostMessage>(asked).client_message_id, "c1");
}

TEST_F(RoomsTest, draining_waits_for_what_was_accepted) {
  start();
  auto ann = member(1, "r", 0);
  ann->say(R"({"type":"chat_message","roomId":"r","content":"x","clientMessageId":"c1"})");
  const auto asked = await_request<chat::PostMessage>();
  shard->drain();
  await_frame(*ann, "reconnect");
  settle();
  EXPECT_EQ(ann->close_code, 0u);
  chat::MessagePosted posted;
  posted.seq = 1;
  posted.room = "r";
  answer(asked, posted);
  await_frame(*ann, "message_sent");
  pump([&] { return ann->close_code != 0; });
  EXPECT_EQ(ann->close_code, 4100u);
}

}  // namespace
}  // namespace starling::shard
