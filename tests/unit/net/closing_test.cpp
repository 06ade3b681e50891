// The ladder: flushing, lingering, shut, closed; with everything that may be in flight on each
// rung.
#include "harness.hpp"

namespace starling::net {
namespace {

using proto::CloseCode;
using State = Connection::State;

class ClosingTest : public ConnectionTest {
 protected:
  void say_goodbye() { connection->close_websocket(CloseCode::normal, "bye"); }
};

TEST_F(ClosingTest, the_whole_ladder) {
  upgrade();
  say_goodbye();
  EXPECT_EQ(connection->state(), State::flushing);
  EXPECT_EQ(owner.closings, 1u);
  EXPECT_TRUE(ring.shutdowns.empty()) << "the last bytes are not out";
  send_all();
  EXPECT_EQ(connection->state(), State::lingering);
  EXPECT_EQ(ring.shutdowns, std::vector<int>{SHUT_WR});
  EXPECT_TRUE(ring.receiving) << "unread bytes would make the close a reset";
  end_turn();
  EXPECT_FALSE(ring.closed);
  peer_ends();
  EXPECT_EQ(connection->state(), State::shut);
  EXPECT_EQ(ring.shutdowns, (std::vector<int>{SHUT_WR, SHUT_RDWR}));
  EXPECT_FALSE(ring.closed) << "closed within a completion";
  expect_closed();
}

TEST_F(ClosingTest, whoever_is_parked_closes_like_the_others) {
  for (const bool stubborn : {false, true}) {
    reset();
    upgrade();
    pass(seconds{5});
    receive_ends(-ECANCELED);
    connection->abort(Ending::refused);
    EXPECT_EQ(ring.shutdowns, std::vector<int>{SHUT_RDWR});
    end_turn();
    EXPECT_FALSE(ring.closed) << "the poll is in flight";
    if (stubborn) pass(seconds{5});
    EXPECT_EQ(ring.cancelled_polls, stubborn ? 1u : 0u);
    poll_ends();
    EXPECT_FALSE(ring.receiving);
    expect_closed();
  }
}

TEST_F(ClosingTest, whoever_is_parked_lingers_until_the_peer_ends) {
  upgrade();
  pass(seconds{5});
  receive_ends(-ECANCELED);
  say_goodbye();
  send_all();
  EXPECT_EQ(connection->state(), State::lingering);
  poll_ends();
  EXPECT_TRUE(ring.receiving) << "unread bytes would make the close a reset";
  peer_ends();
  expect_closed();
}

TEST_F(ClosingTest, flushing_waits_for_the_send_that_is_in_flight) {
  upgrade();
  connection->send_text("before");
  connection->flush();
  say_goodbye();
  EXPECT_EQ(connection->state(), State::flushing);
  sent(3);
  sent();
  EXPECT_TRUE(ring.shutdowns.empty());
  send_all();
  EXPECT_TRUE(peer.ends_with(close_frame(CloseCode::normal, "bye")));
  EXPECT_EQ(connection->state(), State::lingering);
}

TEST_F(ClosingTest, who_does_not_take_the_last_bytes_is_cut_off_after_2_s) {
  upgrade();
  say_goodbye();
  pass(seconds{2} - milliseconds{1});
  EXPECT_EQ(connection->state(), State::flushing);
  pass(milliseconds{1});
  EXPECT_EQ(connection->state(), State::shut);
  EXPECT_FALSE(ring.closed);
  send_fails(-EPIPE);
  end_turn();
  EXPECT_FALSE(ring.closed) << "the receive is in flight";
  peer_ends();
  expect_closed();
}

TEST_F(ClosingTest, who_does_not_hang_up_is_cut_off_after_2_s) {
  upgrade();
  say_goodbye();
  send_all();
  pass(seconds{2} - milliseconds{1});
  arrive("whatever it still says is thrown away");
  EXPECT_EQ(connection->state(), State::lingering);
  pass(milliseconds{1});
  EXPECT_EQ(connection->state(), State::shut);
  peer_ends();
  expect_closed();
  EXPECT_TRUE(owner.messages.empty());
}

TEST_F(ClosingTest, a_paused_connection_is_read_to_its_end) {
  upgrade();
  owner.pause_after = 1;
  arrive(text("x"));
  arrive_until_cancelled(text(std::string(3'000, 'm')));
  receive_ends(-ECANCELED);
  EXPECT_FALSE(ring.receiving);
  say_goodbye();
  send_all();
  EXPECT_TRUE(ring.receiving);
  arrive(text("dropped"));
  peer_ends();
  expect_closed();
  EXPECT_EQ(owner.messages.size(), 1u);
}

TEST_F(ClosingTest, an_abort_ends_both_directions_and_waits_for_both_operations) {
  for (const bool receive_first : {true, false}) {
    reset();
    upgrade();
    connection->send_text("in flight");
    connection->flush();
    connection->send_text("never sent");
    connection->abort(Ending::refused);
    EXPECT_EQ(connection->state(), State::shut);
    EXPECT_EQ(ring.shutdowns, std::vector<int>{SHUT_RDWR});
    EXPECT_FALSE(connection->can_send());
    end_turn();
    EXPECT_FALSE(ring.closed);
    if (receive_first) {
      peer_ends();
    } else {
      sent(4);  // short: the rest is not sent any more
    }
    end_turn();
    EXPECT_FALSE(ring.closed);
    if (receive_first) {
      send_fails(-EPIPE);
    } else {
      peer_ends();
    }
    expect_closed();
    EXPECT_EQ(owner.writables, 1u) << "the owner was asked for more after the end";
  }
}

TEST_F(ClosingTest, what_the_shutdown_did_not_end_is_cancelled_after_5_s) {
  upgrade();
  connection->send_text("in flight");
  connection->flush();
  connection->abort(Ending::refused);
  pass(seconds{5} - milliseconds{1});
  EXPECT_EQ(ring.cancelled_receives + ring.cancelled_sends, 0u);
  pass(milliseconds{1});
  EXPECT_EQ(ring.cancelled_receives, 1u);
  EXPECT_EQ(ring.cancelled_sends, 1u);
  pass(seconds{1});
  EXPECT_EQ(ring.cancelled_receives, 1u) << "cancelled again and again";
  EXPECT_FALSE(ring.closed);
  receive_ends(-ECANCELED);
  end_turn();
  EXPECT_FALSE(ring.closed);
  send_fails(-ECANCELED);
  expect_closed();
}

TEST_F(ClosingTest, it_closes_once_however_often_it_is_told) {
  upgrade();
  say_goodbye();
  connection->abort(Ending::refused);
  connection->abort(Ending::refused);
  say_goodbye();
  EXPECT_EQ(owner.closings, 1u);
  sent();
  peer_ends();
  connection->tick();
  connection->abort(Ending::refused);
  expect_closed();
  connection->tick();
  end_turn();
  EXPECT_EQ(owner.closeds, 1u);
  EXPECT_EQ(metrics.opened, 1u);
  EXPECT_EQ(metrics.closed, 1u);
}

TEST_F(ClosingTest, with_nothing_in_flight_it_is_closed_at_the_end_of_the_turn) {
  upgrade();
  receive_ends(-ENOBUFS);
  connection->abort(Ending::refused);
  expect_closed();
}

TEST_F(ClosingTest, a_goodbye_behind_a_short_send_is_not_lost) {
  upgrade();
  std::vector<Segment> ranges;
  for (int i = 0; i < 5; ++i) ranges.push_back(segment("frame"));
  connection->send_segments(ranges);
  say_goodbye();
  sent(7);
  sent(11);
  send_all();
  EXPECT_EQ(peer, "frameframeframeframeframe" + close_frame(CloseCode::normal, "bye"));
  peer_ends();
  expect_closed();
}

}  // namespace
}  // namespace starling::net
