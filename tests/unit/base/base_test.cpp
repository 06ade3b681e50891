#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/chunk.hpp"
#include "base/journal.hpp"
#include "base/log.hpp"
#include "base/mailbox.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"

namespace starling::base {
namespace {

TEST(MailboxTest, refuses_when_full_and_keeps_the_refused_item) {
  Mailbox<std::string> mailbox{2};
  EXPECT_TRUE(mailbox.post("one"));
  EXPECT_TRUE(mailbox.post("two"));
  std::string third = "three";
  EXPECT_FALSE(mailbox.post(std::move(third)));
  EXPECT_EQ(third, "three");
  EXPECT_EQ(mailbox.take(), "one");
  EXPECT_TRUE(mailbox.post(std::move(third)));
  EXPECT_EQ(mailbox.take(), "two");
  EXPECT_EQ(mailbox.take(), "three");
  EXPECT_FALSE(mailbox.ready());
  EXPECT_FALSE(mailbox.take());
}

TEST(MailboxTest, many_producers_lose_nothing_and_each_keeps_its_order) {
  constexpr int producers = 4;
  constexpr int each = 20'000;
  Mailbox<int> mailbox{64};
  std::vector<std::thread> threads;
  for (int producer = 0; producer < producers; ++producer) {
    threads.emplace_back([&mailbox, producer] {
      for (int i = 0; i < each; ++i) {
        while (!mailbox.post(producer * each + i)) std::this_thread::yield();
      }
    });
  }
  std::vector<int> next(producers, 0);
  for (int taken = 0; taken < producers * each;) {
    const std::optional<int> item = mailbox.take();
    if (!item) continue;
    ASSERT_EQ(*item % each, next[static_cast<std::size_t>(*item / each)]++);
    ++taken;
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(SlotMapTest, a_handle_of_what_is_gone_finds_nothing) {
  SlotMap<std::string> map;
  const Handle expected = map.next_handle();
  const Handle first = map.emplace("first");
  EXPECT_EQ(first, expected);
  map.erase(first);
  const Handle next = map.next_handle();
  const Handle second = map.emplace("second");
  EXPECT_EQ(second, next);
  EXPECT_EQ(second.slot, first.slot);
  EXPECT_EQ(map.find(first), nullptr);
  EXPECT_EQ(*map.find(second), "second");
  EXPECT_EQ(map.find({99, 1}), nullptr);
  EXPECT_FALSE(Handle{});
}

TEST(SlotMapTest, what_lives_stays_in_its_place_and_ends_with_the_map) {
  const auto counted = std::make_shared<int>(0);
  {
    SlotMap<std::shared_ptr<int>> map;
    std::vector<std::pair<Handle, std::shared_ptr<int>*>> all;
    for (int i = 0; i < 200; ++i) {  // several blocks
      const Handle handle = map.emplace(counted);
      all.emplace_back(handle, map.find(handle));
    }
    for (const auto& [handle, place] : all) EXPECT_EQ(map.find(handle), place);
    for (std::size_t i = 0; i < all.size(); i += 2) map.erase(all[i].first);
    EXPECT_EQ(map.size(), 100u);
    EXPECT_EQ(counted.use_count(), 101);
    std::size_t visited = 0;
    map.for_each([&](Handle handle, std::shared_ptr<int>& object) {
      EXPECT_EQ(&object, all[1 + 2 * visited++].second);
      EXPECT_EQ(map.find(handle), &object);
    });
    EXPECT_EQ(visited, 100u);
  }
  EXPECT_EQ(counted.use_count(), 1);
}

TEST(ChunkTest, lives_as_long_as_somebody_refers_to_it_and_counts_against_its_budget) {
  ChunkBudget budget{1'000};
  ChunkRef chunk = ChunkRef::allocate(budget, 2'000);
  EXPECT_TRUE(budget.exhausted());
  const std::string text = "hello";
  chunk.append(std::as_bytes(std::span{text}));
  ChunkRef other = chunk;
  chunk = {};
  EXPECT_EQ(other.size(), 5u);
  EXPECT_EQ(other.room(), 1'995u);
  EXPECT_GT(budget.used_bytes(), 2'000u);
  other = {};
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST(TimeTest, iso_8601) {
  const auto text = [](WallMs time) {
    std::string out;
    append_iso8601(out, time);
    return out;
  };
  EXPECT_EQ(text(0), "1970-01-01T00:00:00.000Z");
  EXPECT_EQ(text(1'795'507'543'120), "2026-11-24T08:05:43.120Z");
  EXPECT_EQ(text(-1), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(text(951'782'400'000), "2000-02-29T00:00:00.000Z");
  EXPECT_EQ(text(WallMs{1} << 62), "9999-12-31T23:59:59.999Z");
}

TEST(TimeTest, http_date) {
  const auto text = [](WallMs time) {
    std::string out;
    append_http_date(out, time);
    return out;
  };
  EXPECT_EQ(text(784'111'777'000), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(text(951'782'399'999), "Mon, 28 Feb 2000 23:59:59 GMT");
  EXPECT_EQ(text(-1), "Wed, 31 Dec 1969 23:59:59 GMT");
  EXPECT_EQ(text(WallMs{1} << 62), "Fri, 31 Dec 9999 23:59:59 GMT");
}

TEST(JournalTest, an_entry_has_fields_with_names_that_the_journal_takes) {
  using namespace std::string_literals;
  EXPECT_EQ(journal_entry("a sentence", {}), "MESSAGE=a sentence\0"s);
  EXPECT_EQ(journal_entry("a=b", {{"userId", "7"}, {"next-id", "x\0y\nz"s}}),
            "MESSAGE=a=b\0STARLING_USERID=7\0STARLING_NEXT_ID=x y\nz\0"s);
}

TEST(LogTest, levels_have_names) {
  LogLevel level{};
  EXPECT_TRUE(parse_log_level("warning", level));
  EXPECT_EQ(level, LogLevel::warning);
  EXPECT_FALSE(parse_log_level("loud", level));
}

}  // namespace
}  // namespace starling::base
