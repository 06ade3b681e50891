#include "chat/room_feed.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace starling::chat {
namespace {

CommittedBatchRef batch_of(const std::vector<Seq>& seqs) {
  auto batch = std::make_shared<CommittedBatch>();
  for (const Seq seq : seqs) {
    Event event;
    event.seq = seq;
    event.room = "room";
    batch->entries.push_back({event, 0, 0});
  }
  return batch;
}

using Seqs = std::vector<Seq>;

class RoomFeedTest : public testing::Test {
 protected:
  std::vector<Seq> offer(Seq seq) {
    std::vector<FeedItem> items;
    feed.offer({batch_of({seq}), 0}, items);
    return seqs(items);
  }
  std::vector<Seq> head(Seq seq) {
    std::vector<FeedItem> items;
    feed.set_head(seq, 0, items);
    return seqs(items);
  }
  // Events that say what they follow.
  Seqs offer(Seq seq, MessageId id, MessageId previous) {
    auto batch = std::make_shared<CommittedBatch>();
    Event event;
    event.seq = seq;
    event.id = id;
    event.previous = previous;
    batch->entries.push_back({event, 0, 0});
    std::vector<FeedItem> items;
    feed.offer({batch, 0}, items);
    return seqs(items);
  }
  Seqs head(Seq seq, MessageId id) {
    std::vector<FeedItem> items;
    feed.set_head(seq, id, items);
    return seqs(items);
  }
  Seqs believe() {
    std::vector<FeedItem> items;
    feed.believe(items);
    return seqs(items);
  }
  static std::vector<Seq> seqs(const std::vector<FeedItem>& items) {
    std::vector<Seq> all;
    for (const FeedItem& item : items) all.push_back(item.seq());
    return all;
  }

  RoomFeed feed;
};

TEST_F(RoomFeedTest, holds_until_the_head_is_known_and_drops_what_is_below_it) {
  EXPECT_TRUE(feed.holding());
  EXPECT_EQ(offer(4), Seqs{});
  EXPECT_EQ(offer(5), Seqs{});
  EXPECT_EQ(offer(6), Seqs{});
  EXPECT_EQ(head(4), (Seqs{5, 6}));
  EXPECT_EQ(feed.position(), 6u);
  EXPECT_FALSE(feed.hole());
}

TEST_F(RoomFeedTest, delivers_in_order_and_once) {
  head(0);
  EXPECT_EQ(offer(1), Seqs{1});
  EXPECT_EQ(offer(1), Seqs{});
  EXPECT_EQ(offer(2), Seqs{2});
  EXPECT_EQ(offer(1), Seqs{});
  EXPECT_EQ(feed.position(), 2u);
}

TEST_F(RoomFeedTest, waits_for_what_is_missing_and_names_it) {
  head(10);
  EXPECT_EQ(offer(13), Seqs{});
  EXPECT_EQ(offer(15), Seqs{});
  ASSERT_TRUE(feed.hole());
  EXPECT_EQ(feed.hole()->first, 11u);
  EXPECT_EQ(feed.hole()->last, 12u);
  EXPECT_EQ(offer(12), Seqs{});
  EXPECT_EQ(offer(11), (Seqs{11, 12, 13}));
  EXPECT_EQ(feed.hole()->first, 14u);
  EXPECT_EQ(feed.hole()->last, 14u);
  EXPECT_EQ(offer(14), (Seqs{14, 15}));
  EXPECT_FALSE(feed.hole());
}

TEST_F(RoomFeedTest, a_later_head_shows_a_hole_at_the_end) {
  head(3);
  EXPECT_EQ(head(7), Seqs{});
  EXPECT_EQ(feed.position(), 3u);
  ASSERT_TRUE(feed.hole());
  EXPECT_EQ(feed.hole()->first, 4u);
  EXPECT_EQ(feed.hole()->last, 7u);
}

TEST_F(RoomFeedTest, what_it_holds_is_bounded_and_given_up_seqs_show_as_a_hole) {
  head(0);
  const Seq many = RoomFeed::max_held + 50;
  for (Seq seq = 2; seq <= many; ++seq) EXPECT_EQ(offer(seq), Seqs{});
  const std::vector<Seq> delivered = offer(1);
  EXPECT_EQ(delivered.size(), RoomFeed::max_held + 1);
  EXPECT_EQ(feed.hole()->first, delivered.back() + 1);
  EXPECT_EQ(feed.hole()->last, many);
}

TEST_F(RoomFeedTest, any_order_with_repeats_is_delivered_once_in_order) {
  for (unsigned seed = 0; seed < 200; ++seed) {
    feed = RoomFeed{};
    std::mt19937 random{seed};
    std::vector<Seq> arrivals(100);
    std::iota(arrivals.begin(), arrivals.end(), Seq{1});
    for (std::size_t i = 0; i < 30; ++i) arrivals.push_back(Seq{arrivals[i]});
    std::shuffle(arrivals.begin(), arrivals.end(), random);
    const std::size_t head_after = random() % arrivals.size();
    std::vector<Seq> delivered;
    for (std::size_t i = 0; i < arrivals.size(); ++i) {
      if (i == head_after) {
        const Seqs now = head(0);
        delivered.insert(delivered.end(), now.begin(), now.end());
      }
      const Seqs now = offer(arrivals[i]);
      delivered.insert(delivered.end(), now.begin(), now.end());
    }
    std::vector<Seq> expected(100);
    std::iota(expected.begin(), expected.end(), Seq{1});
    EXPECT_EQ(delivered, expected) << "seed " << seed;
  }
}

// ---- what the archive may have lost ----------------------------------------------------------

TEST_F(RoomFeedTest, what_does_not_follow_is_held_and_doubted) {
  head(0, 0);
  EXPECT_EQ(offer(1, 11, 0), Seqs{1});
  EXPECT_EQ(offer(2, 12, 11), Seqs{2});
  EXPECT_FALSE(feed.doubt());
  EXPECT_EQ(offer(3, 33, 32), Seqs{});  // of another history
  EXPECT_EQ(offer(4, 34, 33), Seqs{});
  ASSERT_TRUE(feed.doubt());
  EXPECT_EQ(feed.doubt()->position, 2u);
  EXPECT_EQ(feed.doubt()->delivered, 12u);
  EXPECT_EQ(feed.doubt()->other, 33u);
  EXPECT_FALSE(feed.hole());  // it is there
  EXPECT_EQ(believe(), (Seqs{3, 4}));
  EXPECT_FALSE(feed.doubt());
  EXPECT_EQ(offer(5, 35, 34), Seqs{5});
}

TEST_F(RoomFeedTest, behind_a_hole_too) {
  head(0, 0);
  EXPECT_EQ(offer(1, 11, 0), Seqs{1});
  EXPECT_EQ(offer(3, 33, 32), Seqs{});
  EXPECT_FALSE(feed.doubt());
  EXPECT_EQ(offer(2, 12, 11), Seqs{2});
  ASSERT_TRUE(feed.doubt());
  EXPECT_EQ(feed.doubt()->other, 33u);
}

TEST_F(RoomFeedTest, another_event_at_a_place_that_was_delivered_is_doubted) {
  head(4, 14);
  EXPECT_EQ(offer(5, 15, 14), Seqs{5});
  EXPECT_EQ(offer(5, 15, 14), Seqs{});  // twice
  EXPECT_EQ(offer(4, 24, 23), Seqs{});  // nobody remembers
  EXPECT_FALSE(feed.doubt());
  EXPECT_EQ(offer(5, 25, 24), Seqs{});
  ASSERT_TRUE(feed.doubt());
  EXPECT_EQ(feed.doubt()->other, 25u);
  EXPECT_EQ(believe(), Seqs{});
  EXPECT_EQ(offer(6, 16, 15), Seqs{6});
}

TEST_F(RoomFeedTest, a_head_that_is_another_event_is_doubted) {
  head(5, 15);
  head(4, 24);  // read before: older than what was delivered
  EXPECT_FALSE(feed.doubt());
  head(5, 25);
  EXPECT_TRUE(feed.doubt());
}

TEST_F(RoomFeedTest, a_head_below_is_doubted_where_it_is_said_to_be_late) {
  feed.note_low_head();  // nothing was delivered yet
  EXPECT_FALSE(feed.doubt());
  head(5, 15);
  feed.note_low_head();
  ASSERT_TRUE(feed.doubt());
  EXPECT_EQ(feed.doubt()->delivered, 15u);
  EXPECT_EQ(feed.doubt()->other, 0u);
}

// A body of another build, a room that the original had, a room's first event, a deletion.
TEST_F(RoomFeedTest, what_does_not_tell_is_believed) {
  head(3, 0);  // nobody knows which event that is
  EXPECT_EQ(offer(4, 14, 13), Seqs{4});
  EXPECT_EQ(offer(5, 0, 0), Seqs{5});  // without a chain
  EXPECT_EQ(offer(6, 16, 15), Seqs{6});
  EXPECT_EQ(offer(7, 17, 0), Seqs{7});
  EXPECT_EQ(offer(7, 0, 0), Seqs{});
  head(7, 0);
  EXPECT_FALSE(feed.doubt());
}

TEST_F(RoomFeedTest, the_first_event_of_a_room_follows_nothing) {
  head(0, 0);
  EXPECT_EQ(offer(1, 11, 0), Seqs{1});
  EXPECT_FALSE(feed.doubt());
}

}  // namespace
}  // namespace starling::chat
