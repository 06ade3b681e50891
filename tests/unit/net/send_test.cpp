// Sending: what goes into one send, sends that end short, fail or are stuck, and the bounds of what
// waits.
#include "harness.hpp"

namespace starling::net {
namespace {

using proto::CloseCode;
using proto::Opcode;
using State = Connection::State;

class SendTest : public ConnectionTest {
 protected:
  std::vector<Segment> segments(std::size_t count, std::size_t bytes) {
    std::vector<Segment> made;
    for (std::size_t i = 0; i < count; ++i) {
      made.push_back(segment(std::string(bytes, static_cast<char>('a' + i % 26))));
    }
    return made;
  }
};

TEST_F(SendTest, a_greeting_leaves_with_the_answer_to_the_upgrade) {
  owner.greeting = "welcome";
  arrive(
      "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
  sent();
  EXPECT_TRUE(peer.starts_with("HTTP/1.1 101 "));
  EXPECT_TRUE(peer.ends_with("\r\n\r\n" + server_frame(Opcode::text, "welcome")));
  EXPECT_EQ(ring.sends, 1u);
}

TEST_F(SendTest, a_single_range_that_is_sent_short_goes_on_where_it_stopped) {
  upgrade();
  for (std::size_t cut = 1; cut < 10; ++cut) {
    peer.clear();
    owner.writables = 0;
    const std::vector<Segment> one{segment("0123456789")};
    EXPECT_EQ(connection->send_segments(one), 1u);
    sent(cut);
    EXPECT_EQ(owner.writables, 0u);
    EXPECT_FALSE(connection->can_send());
    sent(1);
    if (cut < 9) sent();
    EXPECT_EQ(peer, "0123456789");
    EXPECT_EQ(owner.writables, 1u);
    EXPECT_TRUE(connection->can_send());
  }
}

TEST_F(SendTest, several_ranges_that_are_sent_short_go_on_where_they_stopped) {
  upgrade();
  const std::string whole = server_frame(Opcode::text, "own") + "abcdefghij";
  for (std::size_t first = 1; first < whole.size(); ++first) {
    for (std::size_t second = 1; first + second < whole.size(); ++second) {
      peer.clear();
      connection->send_text("own");
      const std::vector<Segment> ranges{segment("abc"), segment("d"), segment("efghij")};
      ASSERT_EQ(connection->send_segments(ranges), 3u);
      sent(first);
      sent(second);
      sent();
      ASSERT_EQ(peer, whole) << "cut at " << first << " and " << first + second;
      ASSERT_TRUE(connection->can_send());
    }
  }
}

TEST_F(SendTest, a_range_of_a_chunk_that_grows_meanwhile_is_sent_as_it_was) {
  upgrade();
  Segment range{base::ChunkRef::allocate(budget, 100), 0, 5};
  range.chunk.append(std::as_bytes(std::span{std::string_view{"first"}}));
  connection->send_segments({&range, 1});
  range.chunk.append(std::as_bytes(std::span{std::string_view{"second"}}));
  range.chunk = {};  // the room drops it; the send keeps it alive
  sent(2);
  sent();
  EXPECT_EQ(peer, "first");
  EXPECT_EQ(budget.used_bytes(), 0u) << "the chunk outlives its send";
}

TEST_F(SendTest, what_is_for_one_client_alone_goes_first) {
  upgrade();
  connection->send_text("own");
  const std::vector<Segment> one{segment("room")};
  EXPECT_EQ(connection->send_segments(one), 1u);
  EXPECT_EQ(ring.ranges_in_flight, 2u);
  send_all();
  EXPECT_EQ(peer, server_frame(Opcode::text, "own") + "room");
}

TEST_F(SendTest, a_send_has_at_most_64_ranges) {
  upgrade();
  const std::vector<Segment> many = segments(100, 10);
  EXPECT_EQ(connection->send_segments(many), 64u);
  EXPECT_EQ(ring.ranges_in_flight, 64u);
  send_all();
  connection->send_text("own");
  EXPECT_EQ(connection->send_segments(many), 63u) << "the private range counts";
  send_all();
}

TEST_F(SendTest, a_send_has_at_most_64_kib_but_for_a_single_range) {
  upgrade();
  EXPECT_EQ(connection->send_segments(segments(10, 10'000)), 6u);
  EXPECT_EQ(ring.in_flight().size(), 60'000u);
  send_all();
  EXPECT_EQ(connection->send_segments(segments(3, 100'000)), 1u);
  EXPECT_EQ(ring.in_flight().size(), 100'000u);
  send_all();
}

TEST_F(SendTest, replies_beyond_one_send_keep_their_order) {
  limits.private_buffer_bytes = 1 << 20;
  upgrade();
  std::string wanted;
  for (int i = 0; i < 40; ++i) {
    const std::string payload = std::to_string(i) + std::string(5'000, '.');
    ASSERT_TRUE(connection->send_text(payload));
    wanted += server_frame(Opcode::text, payload);
  }
  EXPECT_EQ(connection->private_bytes(), wanted.size());
  const std::vector<Segment> room{segment("room")};
  EXPECT_EQ(connection->send_segments(room), 0u) << "overtook what was there before";
  EXPECT_LE(ring.in_flight().size(), max_bytes_per_send);
  EXPECT_EQ(connection->private_bytes(), wanted.size() - ring.in_flight().size());
  owner.pending = room;
  send_all();
  EXPECT_EQ(peer, wanted + "room");
  EXPECT_FALSE(connection->private_pending());
}

TEST_F(SendTest, replies_while_a_send_is_in_flight_wait_for_its_end) {
  upgrade();
  connection->send_text("one");
  connection->flush();
  connection->send_text("two");
  connection->flush();
  connection->send_text("three");
  EXPECT_EQ(ring.in_flight(), server_frame(Opcode::text, "one"));
  sent();
  EXPECT_EQ(ring.in_flight(),
            server_frame(Opcode::text, "two") + server_frame(Opcode::text, "three"));
  send_all();
}

TEST_F(SendTest, a_send_that_fails_closes) {
  for (const std::int32_t error : {-EPIPE, -ECONNRESET, -ETIMEDOUT, 0}) {
    reset();
    upgrade();
    connection->send_text("to nobody");
    connection->flush();
    send_fails(error);
    EXPECT_EQ(connection->state(), State::shut);
    EXPECT_EQ(owner.writables, 1u) << "the upgrade's only";
    EXPECT_FALSE(ring.closed) << "the receive is in flight";
    peer_ends();
    expect_closed();
  }
  EXPECT_EQ(ended(Ending::unacknowledged), 1u) << "the kernel has given it up";
  EXPECT_EQ(ended(Ending::client), 3u);
}

TEST_F(SendTest, a_gathered_send_that_fails_lets_go_of_its_ranges) {
  upgrade();
  connection->send_segments(segments(5, 100));
  EXPECT_GT(budget.used_bytes(), 0u);
  sent(150);
  send_fails(-ECONNRESET);
  EXPECT_EQ(budget.used_bytes(), 0u);
  peer_ends();
  expect_closed();
}

TEST_F(SendTest, a_stuck_send_closes_and_one_that_moves_does_not) {
  upgrade();
  const std::vector<Segment> one{segment(std::string(1'000, 'x'))};
  connection->send_segments(one);
  for (int i = 0; i < 5; ++i) {
    pass(seconds{19});
    EXPECT_EQ(connection->state(), State::websocket);
    sent(10);  // a byte now and then is progress
    arrive(proto::client_frame(10, ""));
  }
  pass(seconds{20} - milliseconds{1});
  EXPECT_EQ(connection->state(), State::websocket);
  arrive(proto::client_frame(10, ""));  // what it says is no progress
  pass(milliseconds{1});
  EXPECT_EQ(connection->state(), State::shut);
  EXPECT_EQ(ended(Ending::stalled), 1u);
  EXPECT_EQ(ring.shutdowns, std::vector<int>{SHUT_RDWR});
  send_fails(-EPIPE);
  peer_ends();
  expect_closed();
}

TEST_F(SendTest, a_client_that_does_not_read_its_replies_is_closed_at_the_bound) {
  upgrade();
  connection->send_text("stuck");
  connection->flush();
  std::size_t waiting = 0;
  while (connection->send_text(std::string(1'000, 'r'))) {
    waiting += 1'000;
    ASSERT_LE(waiting, limits.private_buffer_bytes + 1'000) << "nothing stops it";
  }
  EXPECT_EQ(connection->state(), State::flushing);
  EXPECT_EQ(owner.closings, 1u);
  send_all();
  EXPECT_TRUE(peer.ends_with(close_frame(CloseCode::slow_reader, "too slow a reader")));
  peer_ends();
  expect_closed();
  EXPECT_EQ(ended(Ending::slow_reader), 1u);
}

TEST_F(SendTest, where_the_shard_has_nothing_left_who_does_not_read_goes_sooner) {
  upgrade();
  connection->send_text("stuck");
  connection->flush();
  const base::ChunkRef rest = base::ChunkRef::allocate(budget, budget.limit_bytes());
  std::size_t waiting = 0;
  while (connection->send_text(std::string(100, 'r'))) {
    waiting += 100;
    ASSERT_LE(waiting, limits.private_buffer_bytes / 32) << "nothing stops it";
  }
  EXPECT_EQ(connection->state(), State::flushing);
  send_all();
  EXPECT_TRUE(peer.ends_with(close_frame(CloseCode::slow_reader, "too slow a reader")));
  peer_ends();
  expect_closed();
}

// RFC 6455, section 5.5.3: of pings that came before an answer could go, the latest is answered.
TEST_F(SendTest, a_flood_of_pings_gets_one_pong_at_a_time_and_costs_no_memory) {
  upgrade();
  connection->send_text("stuck");
  connection->flush();
  const std::size_t before = budget.used_bytes();
  for (int i = 0; i < 10'000; ++i) {
    arrive(proto::client_frame(9, "ping " + std::to_string(i)));
  }
  EXPECT_EQ(connection->private_bytes(), 0u);
  EXPECT_EQ(budget.used_bytes(), before);
  EXPECT_TRUE(connection->private_pending());
  send_all();
  EXPECT_EQ(peer, server_frame(Opcode::text, "stuck") + server_frame(Opcode::pong, "ping 9999"));
  EXPECT_EQ(connection->state(), State::websocket);
  peer.clear();
  arrive(proto::client_frame(9, "another"));
  send_all();
  EXPECT_EQ(peer, server_frame(Opcode::pong, "another"));
}

TEST_F(SendTest, a_pong_stands_behind_the_replies_that_were_there_before_it) {
  upgrade();
  connection->send_text("stuck");
  connection->flush();
  connection->send_text("reply");
  arrive(proto::client_frame(9, "p"));
  send_all();
  EXPECT_EQ(peer, server_frame(Opcode::text, "stuck") + server_frame(Opcode::text, "reply") +
                      server_frame(Opcode::pong, "p"));
}

TEST_F(SendTest, nothing_to_send_starts_no_send) {
  upgrade();
  const unsigned before = ring.sends;
  connection->flush();
  EXPECT_EQ(connection->send_segments({}), 0u);
  EXPECT_EQ(ring.sends, before);
}

}  // namespace
}  // namespace starling::net
