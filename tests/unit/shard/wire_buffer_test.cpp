#include "shard/wire_buffer.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include <random>
#include <string>

namespace starling::shard {
namespace {

class WireBufferTest : public testing::Test {
 protected:
  // Everything from a cursor on, as a member would get it.
  std::string read(std::uint64_t& cursor, chat::Seq* seen = nullptr) {
    std::string all;
    while (cursor < wire.end()) {
      const WireBuffer::Range range = wire.range_from(cursor);
      all.append(reinterpret_cast<const char*>(range.segment.chunk.data()) + range.segment.offset,
                 range.segment.size);
      cursor = range.end;
      if (seen) *seen = range.seen;
    }
    return all;
  }
  void append(const std::string& frame, chat::Seq seq) { wire.append(frame, seq - 1, seq, budget); }

  base::ChunkBudget budget{std::size_t{64} << 20};
  WireBuffer wire;
};

TEST_F(WireBufferTest, members_read_on_from_where_they_are) {
  std::uint64_t early = wire.end();
  append("one", 1);
  std::uint64_t late = wire.end();
  append("two", 2);
  chat::Seq seen = 0;
  EXPECT_EQ(read(early, &seen), "onetwo");
  EXPECT_EQ(seen, 2u);
  EXPECT_EQ(read(late), "two");
  EXPECT_EQ(early, wire.end());
}

TEST_F(WireBufferTest, a_range_never_cuts_a_frame) {
  std::mt19937 random{1};
  std::uint64_t cursor = wire.end();
  std::vector<std::uint64_t> frame_ends;
  for (chat::Seq seq = 1; seq <= 2'000; ++seq) {
    append(std::string(1 + random() % 3'000, 'x'), seq);
    frame_ends.push_back(wire.end());
  }
  while (cursor < wire.end()) {
    const WireBuffer::Range range = wire.range_from(cursor);
    EXPECT_TRUE(std::ranges::binary_search(frame_ends, range.end));
    EXPECT_EQ(frame_ends[range.seen - 1], range.end);
    EXPECT_LE(range.segment.size, WireBuffer::max_piece_bytes);
    cursor = range.end;
  }
}

TEST_F(WireBufferTest, a_frame_larger_than_a_piece_has_one_of_its_own) {
  std::uint64_t cursor = wire.end();
  append("small", 1);
  append(std::string(300'000, 'y'), 2);
  append("small", 3);
  EXPECT_EQ(read(cursor).size(), 300'010u);
}

TEST_F(WireBufferTest, trimming_forgets_the_oldest_and_tells_what_is_missing) {
  for (chat::Seq seq = 1; seq <= 100; ++seq) append(std::string(2'000, 'z'), seq);
  wire.trim(50'000);
  EXPECT_LE(wire.kept_bytes(), 50'000u);
  EXPECT_GT(wire.begin(), 0u);
  EXPECT_EQ(wire.seq_before_begin() * 2'000, wire.begin());
}

TEST_F(WireBufferTest, nothing_pending_holds_no_memory_but_sends_in_flight_keep_theirs) {
  append("frame", 1);
  net::Segment in_flight = wire.range_from(0).segment;
  wire.clear();
  EXPECT_TRUE(wire.empty());
  EXPECT_EQ(wire.begin(), wire.end());
  EXPECT_GT(budget.used_bytes(), 0u);
  in_flight = {};
  EXPECT_EQ(budget.used_bytes(), 0u);
}

TEST_F(WireBufferTest, a_frame_that_is_no_event_does_not_move_the_seq) {
  append("event", 9);
  wire.append("count", 9, 9, budget);
  std::uint64_t cursor = 0;
  chat::Seq seen = 0;
  EXPECT_EQ(read(cursor, &seen), "eventcount");
  EXPECT_EQ(seen, 9u);
}

}  // namespace
}  // namespace starling::shard
