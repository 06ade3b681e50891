// A WebSocket's heartbeat, and its goodbyes.
#include "harness.hpp"

namespace starling::net {
namespace {

using proto::CloseCode;
using proto::Opcode;
using State = Connection::State;

class WebSocketConnectionTest : public ConnectionTest {
 protected:
  WebSocketConnectionTest() { upgrade(); }
};

TEST_F(WebSocketConnectionTest, a_silent_client_is_pinged_once_and_its_answer_counts) {
  pass(seconds{30} - milliseconds{1});
  EXPECT_FALSE(ring.sending);
  for (int round = 0; round < 3; ++round) {
    pass(round == 0 ? milliseconds{1} : seconds{30});
    EXPECT_EQ(ring.in_flight(), server_frame(Opcode::ping, {})) << round;
    send_all();
    pass(seconds{5});
    EXPECT_FALSE(ring.sending) << "a second ping before the first could be answered";
    arrive(proto::client_frame(10, ""));
  }
  EXPECT_EQ(connection->state(), State::websocket);
}

TEST_F(WebSocketConnectionTest, whatever_comes_is_a_sign_of_life) {
  for (int i = 0; i < 10; ++i) {
    pass(seconds{29});
    arrive(text("x").substr(0, 1));
    arrive(text("x").substr(1));
  }
  EXPECT_FALSE(ring.sending);
  EXPECT_EQ(connection->state(), State::websocket);
}

TEST_F(WebSocketConnectionTest, who_answers_no_ping_is_cut_off) {
  pass(seconds{30});
  send_all();
  pass(seconds{40} - milliseconds{1});
  EXPECT_EQ(connection->state(), State::websocket);
  pass(milliseconds{1});
  EXPECT_EQ(connection->state(), State::shut);
  EXPECT_EQ(ended(Ending::silent), 1u);
  peer_ends();
  expect_closed();
}

TEST_F(WebSocketConnectionTest, who_is_not_being_read_is_not_cut_off_for_its_silence) {
  owner.pause_after = 1;
  arrive(text("x"));
  pass(seconds{30});
  send_all();
  pass(seconds{300});
  EXPECT_EQ(connection->state(), State::websocket);
}

TEST_F(WebSocketConnectionTest, a_close_gets_its_code_back_and_nothing_behind_it_is_read) {
  arrive(proto::client_frame(8, "\x0f\xa0zig") + text("late") + proto::client_frame(9, "late"));
  EXPECT_TRUE(owner.messages.empty());
  EXPECT_FALSE(connection->send_text("too late"));
  send_all();
  EXPECT_EQ(peer, close_frame(static_cast<CloseCode>(4000)));
  EXPECT_EQ(ring.shutdowns, std::vector<int>{SHUT_WR});
  peer_ends();
  expect_closed();
}

TEST_F(WebSocketConnectionTest, a_pong_that_waits_goes_before_what_is_said_later) {
  connection->send_text("one");
  connection->flush();
  arrive(proto::client_frame(9, "p"));
  connection->send_text("two");
  arrive(proto::client_frame(9, "q") + proto::client_frame(8, "\x03\xe8"));
  send_all();
  EXPECT_EQ(peer, server_frame(Opcode::text, "one") + server_frame(Opcode::pong, "p") +
                      server_frame(Opcode::text, "two") + server_frame(Opcode::pong, "q") +
                      close_frame(CloseCode::normal));
}

TEST_F(WebSocketConnectionTest, each_breach_is_answered_with_its_code) {
  const auto answer_to = [&](const std::string& frame) {
    reset();
    upgrade();
    arrive(frame + text("behind it"));
    EXPECT_TRUE(owner.messages.empty());
    send_all();
    const std::string answer = std::exchange(peer, {});
    peer_ends();
    expect_closed();
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(answer.at(i)); };
    EXPECT_EQ(byte(0), 0x88u);
    return static_cast<unsigned>(byte(2) << 8 | byte(3));
  };
  owner.message_limits.message_bytes = 1'000;
  EXPECT_EQ(answer_to(proto::client_frame(1, "x", {.mask = false})), 1002u);
  EXPECT_EQ(answer_to(proto::client_frame(2, "x")), 1003u);
  EXPECT_EQ(answer_to(text("\xff")), 1007u);
  EXPECT_EQ(answer_to(text(std::string(256 * 1024 + 1, 'x')).substr(0, 20)), 1009u);
}

TEST_F(WebSocketConnectionTest, what_was_said_before_a_goodbye_goes_before_it) {
  connection->send_text("one");
  connection->send_text("two");
  connection->close_websocket(CloseCode::token_ended, "token expired");
  EXPECT_FALSE(connection->send_text("three"));
  connection->close_websocket(CloseCode::drain, "again");
  send_all();
  EXPECT_EQ(peer, server_frame(Opcode::text, "one") + server_frame(Opcode::text, "two") +
                      close_frame(CloseCode::token_ended, "token expired"));
  EXPECT_EQ(owner.closings, 1u);
}

}  // namespace
}  // namespace starling::net
