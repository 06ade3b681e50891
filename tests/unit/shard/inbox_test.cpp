#include "shard/inbox.hpp"

#include <gtest/gtest.h>

#include <string>

namespace starling::shard {
namespace {

chat::CommittedBatchRef batch_of(std::size_t bytes) {
  auto batch = std::make_shared<chat::CommittedBatch>();
  batch->frames.assign(bytes, 'f');
  return batch;
}

TEST(InboxTest, batches_come_out_in_order) {
  Inbox inbox{16};
  inbox.post_batch(batch_of(1));
  inbox.post_batch(batch_of(2));
  EXPECT_TRUE(inbox.ready());
  EXPECT_EQ((*inbox.take_batch())->frames.size(), 1u);
  EXPECT_EQ((*inbox.take_batch())->frames.size(), 2u);
  EXPECT_FALSE(inbox.take_batch());
  EXPECT_FALSE(inbox.lapped());
}

TEST(InboxTest, too_many_bytes_are_dropped_and_said_once) {
  Inbox inbox{16};
  inbox.post_batch(batch_of(InboxBounds{}.batch_bytes));
  inbox.post_batch(batch_of(1));
  EXPECT_EQ(inbox.dropped_batches(), 1u);
  EXPECT_TRUE(inbox.lapped());
  EXPECT_FALSE(inbox.lapped());
  EXPECT_TRUE(inbox.take_batch());
  inbox.post_batch(batch_of(1));  // there is room again
  EXPECT_FALSE(inbox.lapped());
}

TEST(InboxTest, too_many_batches_are_dropped_and_said) {
  Inbox inbox{16};
  for (std::size_t i = 0; i <= InboxBounds{}.batches; ++i) inbox.post_batch(batch_of(1));
  EXPECT_EQ(inbox.dropped_batches(), 1u);
  EXPECT_TRUE(inbox.lapped());
}

TEST(InboxTest, signals_are_dropped_when_full_and_counted) {
  Inbox inbox{16};
  const chat::Signal signal = chat::TypingSignal{"room", 1, "ann", true};
  for (std::size_t i = 0; i < InboxBounds{}.signals; ++i) EXPECT_TRUE(inbox.post_signal(signal));
  EXPECT_FALSE(inbox.post_signal(signal));
  EXPECT_EQ(inbox.dropped_signals(), 1u);
}

TEST(InboxTest, all_replies_that_can_be_outstanding_fit) {
  Inbox inbox{1'000};
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    inbox.post_reply({{0, {i, 1}}, chat::TokenRevoked{}});
  }
  for (std::uint32_t i = 0; i < 1'000; ++i) {
    EXPECT_EQ(inbox.take_reply()->ticket.call.slot, i);
  }
}

}  // namespace
}  // namespace starling::shard
