// Receiving: frames in pieces, receives that end and are armed again, and reading that pauses.
#include "harness.hpp"
#include "proto/deflate.hpp"

namespace starling::net {
namespace {

using proto::Opcode;
using State = Connection::State;

class ReceiveTest : public ConnectionTest {};

TEST_F(ReceiveTest, messages_are_the_same_wherever_the_bytes_are_cut) {
  const std::string stream = text("one") + proto::client_frame(1, "tw", {.fin = false}) +
                             proto::client_frame(9, "") + proto::client_frame(0, "o") +
                             text(std::string(300, 'x'));
  const std::vector<std::string> wanted{"one", "two", std::string(300, 'x')};
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    reset();
    upgrade();
    arrive(stream.substr(0, cut));
    arrive(stream.substr(cut));
    ASSERT_EQ(owner.messages, wanted) << "cut at " << cut;
  }
}

TEST_F(ReceiveTest, frames_behind_the_upgrade_in_the_same_bytes_are_read) {
  arrive(
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n" +
      text("early") + text("bird").substr(0, 3));
  EXPECT_EQ(owner.messages, std::vector<std::string>{"early"});
  arrive(text("bird").substr(3));
  EXPECT_EQ(owner.messages, (std::vector<std::string>{"early", "bird"}));
}

TEST_F(ReceiveTest, a_receive_that_ends_by_itself_is_armed_again_at_once) {
  upgrade();
  const unsigned before = ring.receives;
  arrive(text("one"), false);
  EXPECT_TRUE(ring.receiving);
  EXPECT_EQ(ring.receives, before + 1);
  arrive(text("two"));
  EXPECT_EQ(ring.receives, before + 1) << "armed though it was";
  EXPECT_EQ(owner.messages, (std::vector<std::string>{"one", "two"}));
}

TEST_F(ReceiveTest, without_a_buffer_it_waits_for_the_end_of_the_turn) {
  upgrade();
  receive_ends(-ENOBUFS);
  EXPECT_FALSE(ring.receiving) << "buffers come back in this turn: asking now finds none again";
  EXPECT_EQ(metrics.starved_receives, 1u);
  end_turn();
  EXPECT_TRUE(ring.receiving);
  EXPECT_EQ(connection->state(), State::websocket);
  arrive(text("still here"));
  EXPECT_EQ(owner.messages.size(), 1u);
  end_turn();
  EXPECT_TRUE(context.starved.empty());
}

TEST_F(ReceiveTest, a_starved_connection_that_was_shut_is_not_armed_again) {
  upgrade();
  receive_ends(-ENOBUFS);
  connection->abort(Ending::refused);
  end_turn();
  EXPECT_FALSE(ring.receiving);
  expect_closed();
}

TEST_F(ReceiveTest, who_is_silent_for_a_while_is_polled_and_read_again) {
  upgrade();
  pass(seconds{5} - milliseconds{1});
  EXPECT_EQ(ring.cancelled_receives, 0u);
  pass(milliseconds{1});
  EXPECT_EQ(ring.cancelled_receives, 1u);
  EXPECT_FALSE(ring.polling) << "beside a receive";
  pass(seconds{1});
  EXPECT_EQ(ring.cancelled_receives, 1u) << "cancelled twice";
  receive_ends(-ECANCELED);
  EXPECT_TRUE(ring.polling);
  for (int i = 0; i < 2; ++i) {
    pass(seconds{20});
    EXPECT_TRUE(ring.polling);
    poll_ends();
    ASSERT_TRUE(ring.receiving);
    arrive(text("back"));
    pass(seconds{5});
    receive_ends(-ECANCELED);
  }
  EXPECT_EQ(owner.messages, (std::vector<std::string>{"back", "back"}));
}

TEST_F(ReceiveTest, who_speaks_while_it_is_to_be_parked_goes_on) {
  upgrade();
  pass(seconds{5});
  arrive(text("in time"));
  receive_ends(-ECANCELED);
  EXPECT_FALSE(ring.polling);
  EXPECT_TRUE(ring.receiving);
  EXPECT_EQ(owner.messages, std::vector<std::string>{"in time"});
}

TEST_F(ReceiveTest, a_request_that_is_slow_is_not_parked) {
  arrive("GET / HTTP/1.1\r\n");
  pass(seconds{4});
  arrive("Host: x\r\n\r\n");
  send_all();
  pass(seconds{10});
  EXPECT_EQ(ring.cancelled_receives, 0u);
}

TEST_F(ReceiveTest, an_error_closes_in_every_state) {
  const auto break_in = [&](const char* what, auto&& prepare) {
    SCOPED_TRACE(what);
    reset();
    prepare();
    receive_ends(-ECONNRESET);
    if (ring.sending) send_fails(-EPIPE);
    expect_closed();
  };
  break_in("http", [] {});
  break_in("within a head", [&] { arrive("GET /"); });
  break_in("an answer is due", [&] {
    owner.hold_answers = true;
    arrive("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  });
  break_in("websocket", [&] { upgrade(); });
  break_in("within a message", [&] {
    upgrade();
    arrive(text("long enough").substr(0, 9));
  });
  break_in("flushing", [&] {
    upgrade();
    connection->close_websocket(proto::CloseCode::normal, {});
    EXPECT_EQ(connection->state(), State::flushing);
  });
  break_in("lingering", [&] {
    upgrade();
    connection->close_websocket(proto::CloseCode::normal, {});
    send_all();
    EXPECT_EQ(connection->state(), State::lingering);
  });
  break_in("shut", [&] {
    upgrade();
    connection->abort(Ending::refused);
  });
}

TEST_F(ReceiveTest, an_end_of_stream_closes_in_every_state) {
  const auto end_in = [&](const char* what, auto&& prepare) {
    SCOPED_TRACE(what);
    reset();
    prepare();
    peer_ends();
    send_all();
    expect_closed();
  };
  end_in("websocket", [&] { upgrade(); });
  end_in("within a message", [&] {
    upgrade();
    arrive(text("long enough").substr(0, 9));
  });
  end_in("a send is in flight", [&] {
    upgrade();
    connection->send_text("on its way");
    connection->flush();
  });
  end_in("flushing", [&] {
    upgrade();
    connection->close_websocket(proto::CloseCode::normal, {});
  });
  end_in("lingering", [&] {
    upgrade();
    connection->close_websocket(proto::CloseCode::normal, {});
    send_all();
  });
}

TEST_F(ReceiveTest, the_last_bytes_are_flushed_to_who_has_ended_its_direction) {
  upgrade();
  connection->close_websocket(proto::CloseCode::drain, "drain");
  peer_ends();
  EXPECT_EQ(connection->state(), State::flushing);
  send_all();
  EXPECT_EQ(peer, close_frame(proto::CloseCode::drain, "drain"));
  expect_closed();
}

TEST_F(ReceiveTest, while_paused_nothing_is_handed_on_and_nothing_is_lost) {
  upgrade();
  owner.pause_after = 2;
  // Pauses within a buffer; more comes meanwhile, cut within a frame.
  arrive(text("1") + text("2") + text("3"));
  const std::string fourth = text("4");
  arrive(fourth.substr(0, 4));
  EXPECT_EQ(owner.messages, (std::vector<std::string>{"1", "2"}));
  connection->resume_reading();
  EXPECT_EQ(owner.messages, (std::vector<std::string>{"1", "2", "3"}));
  arrive(fourth.substr(4) + text("5"));
  EXPECT_EQ(owner.messages, (std::vector<std::string>{"1", "2", "3", "4", "5"}));
  EXPECT_EQ(ring.receives, 1u);
}

TEST_F(ReceiveTest, it_may_pause_again_on_what_was_kept) {
  upgrade();
  owner.pause_after = 1;
  arrive(text("1") + text("2") + text("3"));
  for (std::size_t next = 2; next <= 3; ++next) {
    EXPECT_EQ(owner.messages.size(), next - 1);
    owner.pause_after = next;
    connection->resume_reading();
  }
  EXPECT_EQ(owner.messages, (std::vector<std::string>{"1", "2", "3"}));
  arrive(text("4"));
  EXPECT_EQ(owner.messages.size(), 3u) << "it is paused behind the third";
  connection->resume_reading();
  EXPECT_EQ(owner.messages.size(), 4u);
}

TEST_F(ReceiveTest, what_is_kept_while_paused_is_bounded_by_a_cancelled_receive) {
  upgrade();
  owner.pause_after = 1;
  const std::string more = text(std::string(3'000, 'm'));
  arrive(text("1"));
  const std::size_t count = 1 + arrive_until_cancelled(more);
  arrive(more);  // was on its way when it was cancelled
  receive_ends(-ECANCELED);
  end_turn();
  EXPECT_FALSE(ring.receiving);
  EXPECT_EQ(connection->state(), State::websocket);
  connection->resume_reading();
  EXPECT_EQ(owner.messages.size(), count + 1);
  EXPECT_TRUE(ring.receiving);
}

TEST_F(ReceiveTest, who_is_put_off_is_heard_in_a_later_turn_and_loses_nothing) {
  upgrade();
  connection->put_off();
  EXPECT_TRUE(connection->waits());
  EXPECT_EQ(context.waiting.size(), 1u);
  arrive(text("one") + text("two").substr(0, 3));
  arrive(text("two").substr(3));
  EXPECT_TRUE(owner.messages.empty());
  connection->put_off();
  EXPECT_EQ(context.waiting.size(), 1u) << "it stands there twice";
  connection->go_on();
  EXPECT_EQ(owner.messages, (std::vector<std::string>{"one", "two"}));
  EXPECT_FALSE(connection->waits());
  arrive(text("three"));
  EXPECT_EQ(owner.messages.size(), 3u);
}

TEST_F(ReceiveTest, who_is_put_off_and_hangs_up_is_heard_first) {
  for (const bool websocket : {true, false}) {
    reset();
    if (websocket) upgrade();
    connection->put_off();
    arrive(websocket ? text("farewell") : "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_ends();
    EXPECT_EQ(owner.closings, 0u);
    connection->go_on();
    EXPECT_EQ(owner.messages.size() + owner.requests.size(), 1u);
    send_all();
    expect_closed();
  }
}

TEST_F(ReceiveTest, what_is_kept_of_who_is_put_off_is_bounded) {
  upgrade();
  connection->put_off();
  const std::string more = text(std::string(3'000, 'm'));
  std::size_t count = 0;
  for (; ring.cancelled_receives == 0; ++count) {
    ASSERT_LT(count, 10u) << "nothing stops it";
    arrive(more);
  }
  receive_ends(-ECANCELED);
  EXPECT_FALSE(ring.receiving);
  connection->go_on();
  EXPECT_EQ(owner.messages.size(), count);
  EXPECT_TRUE(ring.receiving);
}

TEST_F(ReceiveTest, who_is_paused_as_well_waits_for_both) {
  upgrade();
  owner.pause_after = 1;
  arrive(text("1") + text("2"));
  connection->put_off();
  connection->go_on();
  EXPECT_EQ(owner.messages.size(), 1u);
  connection->put_off();
  connection->resume_reading();
  EXPECT_EQ(owner.messages.size(), 1u);
  connection->go_on();
  EXPECT_EQ(owner.messages.size(), 2u);
}

TEST_F(ReceiveTest, who_is_put_off_at_a_ping_or_pong_is_read_no_further) {
  for (const unsigned kind : {9u, 10u}) {
    reset();
    upgrade();
    owner.put_off_after = 1;
    arrive(proto::client_frame(kind, "") + text("behind"));
    EXPECT_TRUE(owner.messages.empty());
    connection->go_on();
    EXPECT_EQ(owner.messages, std::vector<std::string>{"behind"});
  }
}

TEST_F(ReceiveTest, a_message_is_inflated_in_slices_and_those_behind_it_wait) {
  owner.message_limits = {16 << 20, 0, true, true};
  upgrade();
  const std::string large(4 << 20, 'z');
  const std::string stream =
      proto::client_frame(1, proto::Deflater{}.deflate(large, 15), {.rsv = 4}) + text("behind");
  arrive(stream);
  unsigned slices = 1;
  for (; connection->waits(); ++slices) {
    EXPECT_TRUE(owner.messages.empty());
    connection->go_on();
  }
  EXPECT_GE(slices, 2 * (large.size() >> 16));
  EXPECT_EQ(owner.messages, (std::vector<std::string>{large, "behind"}));
}

TEST_F(ReceiveTest, a_cancel_that_comes_after_the_reading_went_on_is_made_good) {
  upgrade();
  owner.pause_after = 1;
  arrive(text("1"));
  arrive_until_cancelled(text(std::string(3'000, 'm')));
  connection->resume_reading();
  receive_ends(-ECANCELED);
  EXPECT_TRUE(ring.receiving);
}

}  // namespace
}  // namespace starling::net
