// The archive of a lone server against real files: numbering, repeats, permission, pages, and what
// is left after crashes.
#include "store/archive.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <numeric>
#include <set>

#include "harness.hpp"

namespace starling::store {
namespace {

using chat::FailureCode;

class ArchiveTest : public StoreTest {};

TEST_F(ArchiveTest, rooms_are_numbered_from_one_each_by_itself) {
  start();
  const chat::UserId ann = add_user("ann");
  for (chat::Seq seq = 1; seq <= 5; ++seq) {
    EXPECT_EQ(posted(say(ann, "a")).seq, seq);
    EXPECT_EQ(posted(say(ann, "b")).seq, seq);
  }
  EXPECT_EQ(inbox.delivered_seqs("a"), (std::vector<chat::Seq>{1, 2, 3, 4, 5}));
  EXPECT_EQ(inbox.delivered_seqs("b"), (std::vector<chat::Seq>{1, 2, 3, 4, 5}));
}

TEST_F(ArchiveTest, a_batch_is_delivered_before_its_replies) {
  start();
  const chat::UserId ann = add_user("ann");
  write(chat::PostMessage{"a", ann, "x", "text", "", "k", false});
  EXPECT_EQ(inbox.log.back(), "reply");
  EXPECT_EQ(inbox.log[inbox.log.size() - 2], "batch");
}

TEST_F(ArchiveTest, each_commit_is_measured_with_what_it_holds) {
  start();
  const chat::UserId ann = add_user("ann");  // no event
  write_together({chat::PostMessage{"r", ann, "1", "text", "", "", false},
                  chat::PostMessage{"r", ann, "2", "text", "", "", false}});
  const WriterMetrics metrics = writer->metrics();
  EXPECT_EQ(metrics.commits, 2u);
  EXPECT_EQ(std::accumulate(metrics.commit_time.buckets.begin(), metrics.commit_time.buckets.end(),
                            std::uint64_t{0}),
            2u);
  EXPECT_GT(metrics.commit_time.sum, 0u);
  EXPECT_EQ(metrics.batch.sum, 2u);
  EXPECT_EQ(metrics.batch.buckets[1], 1u);  // one of two events
}

TEST_F(ArchiveTest, repeats_are_found_in_a_batch_across_batches_and_after_reopening) {
  start();
  const chat::UserId ann = add_user("ann");
  const chat::UserId bob = add_user("bob");
  const auto once = [](chat::UserId user) {
    return chat::PostMessage{"a", user, "x", "text", "", "key", false};
  };
  const auto replies = write_together({once(ann), once(ann), once(bob)});
  EXPECT_FALSE(posted(replies[0]).duplicate);
  EXPECT_TRUE(posted(replies[1]).duplicate);
  EXPECT_EQ(posted(replies[1]).id, posted(replies[0]).id);
  EXPECT_EQ(posted(replies[2]).seq, 2u);
  reopen();
  const chat::MessagePosted again = posted(write(once(ann)));
  EXPECT_TRUE(again.duplicate);
  EXPECT_EQ(again.seq, 1u);
  EXPECT_EQ(inbox.delivered_seqs("a"), (std::vector<chat::Seq>{1, 2}));
}

TEST_F(ArchiveTest, one_bad_request_costs_the_others_nothing) {
  start();
  const chat::UserId ann = add_user("ann");
  const auto replies = write_together({chat::PostMessage{"a", ann, "1", "text", "", "", false},
                                       chat::PostMessage{"a", 999, "2", "text", "", "", false},
                                       chat::PostMessage{"a", ann, "3", "text", "", "", true},
                                       chat::PostMessage{"a", ann, "4", "text", "", "", false}});
  EXPECT_EQ(posted(replies[0]).seq, 1u);
  EXPECT_EQ(failure(replies[1]).code, FailureCode::not_found);
  EXPECT_EQ(failure(replies[2]).code, FailureCode::not_in_room);
  EXPECT_EQ(posted(replies[3]).seq, 2u);
}

TEST_F(ArchiveTest, what_the_database_rejects_is_isolated) {
  start();
  const chat::UserId ann = add_user("ann");
  sql("CREATE TRIGGER refuse BEFORE INSERT ON messages WHEN NEW.content = 'poison' BEGIN SELECT "
      "RAISE(ABORT, 'no'); END");
  std::vector<chat::WriteRequest> batch;
  for (int i = 0; i < 20; ++i) {
    batch.push_back(chat::PostMessage{"a", ann, i == 7 ? "poison" : "fine", "text", "", "", false});
  }
  const auto replies = write_together(std::move(batch));
  for (std::size_t i = 0; i < replies.size(); ++i) {
    if (i == 7) {
      EXPECT_EQ(failure(replies[i]).code, FailureCode::internal);
    } else {
      EXPECT_EQ(posted(replies[i]).seq, i < 7 ? i + 1 : i);
    }
  }
  EXPECT_EQ(writer->metrics().isolated, 1u);
}

TEST_F(ArchiveTest, mutes_and_bans_hold_at_the_commit) {
  start();
  const chat::UserId ann = add_user("ann");
  const auto post = [&](const char* room) {
    return write(chat::PostMessage{room, ann, "x", "text", "", "", false});
  };
  sql("INSERT INTO restrictions VALUES (1, 'quiet', 'mute', 0), (1, 'shut', 'ban', 0), (1, 'over', "
      "'ban', 1)");
  EXPECT_EQ(failure(post("quiet")).code, FailureCode::forbidden);
  EXPECT_EQ(failure(post("shut")).code, FailureCode::forbidden);
  EXPECT_EQ(posted(post("over")).seq, 1u);
  EXPECT_TRUE(std::holds_alternative<chat::RoomJoined>(write(chat::JoinRoom{"quiet", ann})));
  EXPECT_EQ(failure(write(chat::JoinRoom{"shut", ann})).code, FailureCode::forbidden);
  sql("INSERT INTO restrictions VALUES (1, '*', 'ban', 0)");
  EXPECT_EQ(failure(post("over")).code, FailureCode::forbidden);
}

TEST_F(ArchiveTest, deleting_twice_is_deleting_once) {
  start();
  const chat::UserId ann = add_user("ann");
  const chat::UserId bob = add_user("bob");
  const chat::MessageId id = posted(say(ann, "a")).id;
  EXPECT_EQ(failure(write(chat::DeleteMessage{id, bob, false})).code, FailureCode::forbidden);
  EXPECT_EQ(failure(write(chat::DeleteMessage{12'345, ann, false})).code, FailureCode::not_found);
  const chat::MessagePosted first = posted(write(chat::DeleteMessage{id, ann, false}));
  const chat::MessagePosted second = posted(write(chat::DeleteMessage{id, ann, false}));
  EXPECT_EQ(first.seq, 2u);
  EXPECT_TRUE(second.duplicate);
  EXPECT_EQ(second.seq, 2u);
  EXPECT_EQ(failure(read(chat::FindMessage{id, ann})).code, FailureCode::not_found);
  const auto page = page_of("a", chat::ReadPage::Position::after_seq, 0, 10);
  ASSERT_EQ(page.events.size(), 2u);
  EXPECT_TRUE(page.events[0].deleted);
  EXPECT_TRUE(page.events[0].content.empty());
  EXPECT_EQ(page.events[1].of_seq, 1u);
}

TEST_F(ArchiveTest, what_one_has_deleted_another_deletes_no_second_time) {
  start();
  const chat::UserId ann = add_user("ann");
  const chat::UserId bob = add_user("bob");
  const chat::UserId eve = add_user("eve");
  const chat::MessageId id = posted(say(ann, "a")).id;
  EXPECT_FALSE(posted(write(chat::DeleteMessage{id, bob, true})).duplicate);
  EXPECT_TRUE(posted(write(chat::DeleteMessage{id, eve, true})).duplicate);
  EXPECT_EQ(posted(say(ann, "a")).seq, 3u);
}

TEST_F(ArchiveTest, unread_is_what_lies_behind_the_read_mark) {
  start();
  const chat::UserId ann = add_user("ann");
  const chat::UserId bob = add_user("bob");
  write(chat::JoinRoom{"a", ann});
  write(chat::JoinRoom{"a", bob});
  std::vector<chat::MessageId> ids;
  for (int i = 0; i < 6; ++i) ids.push_back(posted(say(ann, "a")).id);
  write(chat::DeleteMessage{ids[0], ann, false});  // an event that is no message
  EXPECT_EQ(session(bob).rooms[0].unread, 6u);
  EXPECT_EQ(session(ann).rooms[0].unread, 0u);
  const auto mark = [&](chat::Seq seq) {
    return std::get<chat::ReadMarked>(write(chat::MarkRead{"a", bob, seq}));
  };
  EXPECT_EQ(mark(4).unread, 2u);
  EXPECT_EQ(mark(4).head, 7u);
  EXPECT_EQ(mark(2).seq, 4u);
  EXPECT_EQ(mark(1'000).seq, 7u);
  EXPECT_EQ(mark(1'000).unread, 0u);
  EXPECT_EQ(failure(write(chat::MarkRead{"b", bob, 1})).code, FailureCode::not_in_room);
}

TEST_F(ArchiveTest, who_speaks_has_read_up_to_there) {
  start();
  const chat::UserId ann = add_user("ann");
  const chat::UserId bob = add_user("bob");
  write(chat::JoinRoom{"a", ann});
  EXPECT_EQ(posted(say(bob, "a")).read, 0u) << "no member has no read pointer";
  EXPECT_EQ(session(ann).rooms[0].unread, 1u);
  chat::PostMessage once{"a", ann, "once", "text", {}, "key", false};
  EXPECT_EQ(posted(write(once)).read, 2u);
  EXPECT_EQ(session(ann).rooms[0].read, 2u);
  say(bob, "a");
  EXPECT_EQ(posted(write(once)).read, 0u) << "what was said before is not said again";
  EXPECT_EQ(session(ann).rooms[0].unread, 1u);
}

TEST_F(ArchiveTest, who_comes_again_begins_at_the_head) {
  start();
  const chat::UserId ann = add_user("ann");
  const chat::UserId bob = add_user("bob");
  const auto join = [&] { return std::get<chat::RoomJoined>(write(chat::JoinRoom{"a", ann})); };
  say(bob, "a");
  EXPECT_TRUE(join().new_member);
  say(bob, "a");
  const chat::RoomJoined again = join();
  EXPECT_FALSE(again.new_member);
  EXPECT_EQ(std::tuple(again.head, again.read, again.unread), std::tuple(2u, 1u, 1u));
  write(chat::LeaveRoom{"a", ann});
  EXPECT_EQ(failure(write(chat::MarkRead{"a", ann, 2})).code, FailureCode::not_in_room);
  say(bob, "a");
  const chat::RoomJoined anew = join();
  EXPECT_TRUE(anew.new_member);
  EXPECT_EQ(std::tuple(anew.head, anew.read, anew.unread), std::tuple(3u, 3u, 0u));
}

TEST_F(ArchiveTest, no_more_than_a_thousand_are_counted_as_unread) {
  start();
  const chat::UserId ann = add_user("ann");
  const chat::UserId bob = add_user("bob");
  write(chat::JoinRoom{"a", ann});
  for (int i = 0; i < 1'002; ++i) say(bob, "a");
  EXPECT_EQ(session(ann).rooms[0].unread, 1'000u);
  const auto mark = [&](chat::Seq seq) {
    return std::get<chat::ReadMarked>(write(chat::MarkRead{"a", ann, seq})).unread;
  };
  EXPECT_EQ(mark(1), 1'000u);
  EXPECT_EQ(mark(2), 1'000u);
  EXPECT_EQ(mark(3), 999u);
}

TEST_F(ArchiveTest, names_are_unique_without_regard_to_case) {
  start();
  add_user("Strasse");
  EXPECT_EQ(failure(write(chat::CreateUser{"STRASSE", "e@x", ""})).code, FailureCode::conflict);
  EXPECT_EQ(failure(write(chat::CreateUser{"straße", "e@x", ""})).code, FailureCode::conflict);
  EXPECT_EQ(std::get<chat::UserFound>(read(chat::FindUser{0, "sTRASSE"})).user.username, "Strasse");
  EXPECT_EQ(failure(write(chat::EnsureUser{77, "strasse"})).code, FailureCode::conflict);
  EXPECT_EQ(std::get<chat::UserFound>(write(chat::EnsureUser{77, "else"})).user.id, 77u);
  const auto again = write(chat::EnsureUser{77, "another"});  // it is there, and stays who it is
  EXPECT_EQ(std::get<chat::UserFound>(again).user.username, "else");
  EXPECT_EQ(add_user("next"), 78u);
}

TEST_F(ArchiveTest, pages_in_every_direction) {
  start();
  using Position = chat::ReadPage::Position;
  const chat::UserId ann = add_user("ann");
  std::vector<chat::MessageId> ids;
  for (int i = 1; i <= 25; ++i) ids.push_back(posted(say(ann, "a")).id);
  const auto seqs = [&](Position position, std::uint64_t value, unsigned limit) {
    std::vector<chat::Seq> all;
    for (const chat::Event& event : page_of("a", position, value, limit).events) {
      all.push_back(event.seq);
    }
    return all;
  };
  using Seqs = std::vector<chat::Seq>;
  EXPECT_EQ(seqs(Position::latest, 0, 3), (Seqs{23, 24, 25}));
  EXPECT_EQ(seqs(Position::before_seq, 3, 5), (Seqs{1, 2}));
  EXPECT_EQ(seqs(Position::before_seq, 1'000, 2), (Seqs{24, 25}));
  EXPECT_EQ(seqs(Position::after_seq, 23, 5), (Seqs{24, 25}));
  EXPECT_EQ(seqs(Position::after_seq, 25, 5), Seqs{});
  EXPECT_EQ(seqs(Position::after_id, ids[21], 9), (Seqs{23, 24, 25}));
  EXPECT_EQ(seqs(Position::page, 1, 10).front(), 1u);
  EXPECT_EQ(seqs(Position::page, 3, 10), (Seqs{21, 22, 23, 24, 25}));
  EXPECT_EQ(seqs(Position::page, 4, 10), Seqs{});
  EXPECT_TRUE(page_of("a", Position::after_seq, 0, 24).has_more);
  EXPECT_FALSE(page_of("a", Position::after_seq, 0, 25).has_more);
  EXPECT_EQ(page_of("none", Position::latest, 0, 5).head, 0u);
}

TEST_F(ArchiveTest, numbered_pages_leave_out_what_was_deleted_and_skip_nothing) {
  start();
  const chat::UserId ann = add_user("ann");
  std::vector<chat::MessageId> ids;
  for (int i = 1; i <= 60; ++i) ids.push_back(posted(say(ann, "a")).id);
  std::vector<chat::MessageId> left;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (i % 3 == 1) {
      write(chat::DeleteMessage{ids[i], ann, false});
    } else {
      left.push_back(ids[i]);
    }
  }
  std::vector<chat::MessageId> seen;
  for (unsigned number = 1; number <= 6; ++number) {
    const auto page = page_of("a", chat::ReadPage::Position::page, number, 7);
    EXPECT_EQ(page.total, 40u);
    for (const chat::Event& event : page.events) seen.push_back(event.id);
  }
  EXPECT_EQ(seen, left);
}

TEST_F(ArchiveTest, only_the_sender_sees_the_keys_of_messages) {
  start();
  const chat::UserId ann = add_user("ann");
  write(chat::PostMessage{"a", ann, "x", "text", "", "key", false});
  write(chat::PostMessage{"a", ann, "y", "text", "", "", false});
  const auto keys = [&](chat::UserId user) {
    chat::ReadPage wanted;
    wanted.room = "a";
    wanted.reader = user;
    const auto page = std::get<chat::PageRead>(read(wanted));
    std::string all;
    for (const chat::Event& event : page.events) all += event.client_message_id + ",";
    return all;
  };
  EXPECT_EQ(keys(ann), "key,,");
  EXPECT_EQ(keys(ann + 1), ",,");
}

TEST_F(ArchiveTest, a_database_of_a_newer_or_other_build_is_refused) {
  start();
  stop();
  sql("UPDATE schema_migrations SET checksum = 'other'");
  EXPECT_NE(open_error().find("another build"), std::string::npos);
  sql("INSERT INTO schema_migrations VALUES (99, 'later', '', 0, '9')");
  EXPECT_NE(open_error().find("not the one of this program"), std::string::npos);
  sql("DELETE FROM schema_migrations WHERE version = 1");
  EXPECT_NE(open_error().find("newer version"), std::string::npos);
}

TEST_F(ArchiveTest, the_data_folder_has_one_owner) {
  const std::string path = folder + "/data";
  auto first = DataFolder::lock(path);
  ASSERT_TRUE(first);
  auto second = DataFolder::lock(path);
  ASSERT_FALSE(second);
  EXPECT_NE(second.error().message.find("in use"), std::string::npos);
  { const DataFolder gone = std::move(*first); }
  EXPECT_TRUE(DataFolder::lock(path).has_value());
}

TEST_F(ArchiveTest, revocations_outlive_a_restart_until_they_expire) {
  start();
  write(chat::RevokeToken{"old", 1, 1});
  write(chat::RevokeToken{"t", 1, 9'000'000'000'000});
  reopen();
  const auto all = archive->revocations(2);
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].token_id, "t");
}

// A child commits and writes down what was acknowledged; it is killed at any step.
TEST_F(ArchiveTest, killed_at_any_step_it_keeps_what_it_acknowledged) {
  start();
  const chat::UserId ann = add_user("ann");
  stop();
  chat::Seq known = 0;
  for (int round = 0; round < 15; ++round) {
    int pipes[2];
    ASSERT_EQ(::pipe(pipes), 0);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::close(pipes[0]);
      start();
      while (true) {
        const chat::Seq seq = posted(say(ann, "a")).seq;
        if (::write(pipes[1], &seq, sizeof seq) != sizeof seq) ::_exit(0);
      }
    }
    ::close(pipes[1]);
    chat::Seq seq = 0;
    for (int i = 0; i < 3 + round * 7; ++i) {
      ASSERT_EQ(::read(pipes[0], &seq, sizeof seq), static_cast<ssize_t>(sizeof seq));
    }
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    while (::read(pipes[0], &seq, sizeof seq) == static_cast<ssize_t>(sizeof seq)) known = seq;
    ::close(pipes[0]);
    start();
    const auto page = page_of("a", chat::ReadPage::Position::after_seq, 0, 1'000);
    EXPECT_GE(page.head, known);
    for (std::size_t i = 0; i < page.events.size(); ++i) EXPECT_EQ(page.events[i].seq, i + 1);
    std::set<chat::MessageId> ids;
    for (const chat::Event& event : page.events) ids.insert(event.id);
    EXPECT_EQ(ids.size(), page.events.size());
    stop();
  }
}

TEST_F(ArchiveTest, who_may_create_no_room_enters_and_writes_where_one_is) {
  start();
  const chat::UserId ann = add_user("ann");
  const auto join = [&](const std::string& room, bool may_create) {
    return write(chat::JoinRoom{room, ann, may_create});
  };
  const auto post_in = [&](const std::string& room, bool may_create) {
    return write(chat::PostMessage{room, ann, "hello", "text", "", "", false, may_create});
  };
  EXPECT_EQ(failure(join("a", false)).code, FailureCode::rate_limited);
  EXPECT_EQ(failure(post_in("a", false)).code, FailureCode::rate_limited);
  EXPECT_TRUE(std::get<chat::RoomJoined>(join("a", true)).created);
  EXPECT_FALSE(std::get<chat::RoomJoined>(join("a", false)).created);
  EXPECT_FALSE(std::get<chat::MessagePosted>(post_in("a", false)).created);
  EXPECT_TRUE(std::get<chat::MessagePosted>(post_in("b", true)).created);
  EXPECT_FALSE(std::get<chat::RoomJoined>(join("b", false)).created);
  // A room of one transaction is created once in it.
  const auto replies =
      write_together({chat::JoinRoom{"c", ann, true}, chat::JoinRoom{"c", ann, false},
                      chat::PostMessage{"c", ann, "x", "text", "", "", true, false}});
  EXPECT_TRUE(std::get<chat::RoomJoined>(replies[0]).created);
  EXPECT_FALSE(std::get<chat::RoomJoined>(replies[1]).created);
  EXPECT_FALSE(std::get<chat::MessagePosted>(replies[2]).created);
}

TEST_F(ArchiveTest, a_user_is_in_so_many_rooms) {
  start();
  const chat::UserId ann = add_user("ann");
  const chat::UserId bob = add_user("bob");
  constexpr unsigned most = 2;
  const auto join = [&](chat::UserId user, const std::string& room) {
    return write(chat::JoinRoom{room, user, true, most});
  };
  const auto in = [](const chat::Reply& reply) {
    return std::holds_alternative<chat::RoomJoined>(reply);
  };
  EXPECT_TRUE(in(join(ann, "a")));
  EXPECT_TRUE(in(join(ann, "b")));
  EXPECT_TRUE(in(join(ann, "a"))) << "is in it already";
  EXPECT_EQ(failure(join(ann, "c")).code, FailureCode::forbidden);
  EXPECT_TRUE(in(join(bob, "c")));
  write(chat::LeaveRoom{"a", ann});
  EXPECT_TRUE(in(join(ann, "c")));
  EXPECT_TRUE(in(write(chat::JoinRoom{"d", ann}))) << "any number";
}

}  // namespace
}  // namespace starling::store
