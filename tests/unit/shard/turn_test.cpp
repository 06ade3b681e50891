// What one turn does when many want something of it: members of rooms get what is theirs in this
// turn, everybody else a bounded part of it.
#include "io/clock.hpp"
#include "net/connection.hpp"
#include "proto/deflate.hpp"
#include "turn_harness.hpp"

namespace starling::shard {

PlayedClock& played_clock() {
  static PlayedClock clock;
  return clock;
}

namespace {

constexpr std::string_view say_x =
    R"({"type":"chat_message","roomId":"r","content":"x","clientMessageId":"c"})";
constexpr std::string_view ping = R"({"type":"ping"})";

// As many of a frame as a receive buffer holds.
std::string buffer_full_of(const std::string& frame) {
  std::string full;
  while (full.size() + frame.size() <= 4'096) full += frame;
  return full;
}

class FloodTest : public TurnTest {
 protected:
  FloodTest() {
    config.test.echo = true;
    start();
    ann = member(1, "r");
  }

  std::vector<int> strangers(std::size_t count) {
    std::vector<int> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(connect());
    return all;
  }
  std::size_t answered(const std::vector<int>& all) {
    std::size_t sum = 0;
    for (const int socket : all) sum += told(socket, "pong");
    return sum;
  }
  // Until the work is done, each turn of which is young.
  void rest() {
    played_clock().between_looks = {};
    for (int i = 0; i < 10; ++i) turn();
  }

  int ann = 0;
};

TEST_F(FloodTest, a_member_beside_strangers_is_served_in_its_turn) {
  const std::vector<int> crowd = strangers(50);
  played_clock().between_looks = long_work;
  for (const int socket : crowd) {
    for (int i = 0; i < 20; ++i) say(socket, ping);
  }
  say(ann, say_x);
  turn();
  ASSERT_TRUE(asked<chat::PostMessage>()) << "it was not received in this turn";
  // A receive and a message are a step each.
  EXPECT_LE(answered(crowd), options.stranger_steps / 2);

  commit(take<chat::PostMessage>(), "r");
  const std::size_t before = answered(crowd);
  turn();
  EXPECT_EQ(told(ann, "chat_message"), 1u) << "it was not delivered in this turn";
  EXPECT_EQ(told(ann, "message_sent"), 1u);
  EXPECT_LE(answered(crowd) - before, 20u) << "more than one of those who were put off went on";

  rest();
  EXPECT_EQ(answered(crowd), 50u * 20) << "somebody was forgotten";
}

TEST_F(FloodTest, others_may_have_the_processor_before_strangers_go_on) {
  const std::vector<int> crowd = strangers(20);
  const base::Duration idle = longest_wait();
  EXPECT_GT(idle, std::chrono::milliseconds{1});
  played_clock().between_looks = long_work;
  for (const int socket : crowd) say(socket, ping);
  turn();
  ASSERT_LT(answered(crowd), crowd.size());
  played_clock().between_looks = {};
  EXPECT_EQ(longest_wait(), options.breath_before_strangers);
  turn();
  EXPECT_GT(longest_wait(), std::chrono::milliseconds{1})
      << "nobody is left, and it does not sleep";
}

TEST_F(FloodTest, whoever_sends_full_buffers_has_fewer_of_them) {
  const std::vector<int> crowd = strangers(20);
  played_clock().between_looks = long_work;
  const std::string end = proto::client_frame(0, ping);
  std::string pieces = proto::client_frame(1, "", {.fin = false});
  while (pieces.size() + end.size() + 6 <= 4'096) {
    pieces += proto::client_frame(0, "", {.fin = false});
  }
  for (const int socket : crowd) arrive(socket, pieces + end);
  turn();
  EXPECT_LE(answered(crowd), 2u);
  rest();
  EXPECT_EQ(answered(crowd), crowd.size());
}

TEST_F(FloodTest, full_buffers_of_members_wait_too) {
  std::vector<int> crowd;
  for (chat::UserId user = 10; user < 20; ++user) crowd.push_back(member(user, "r"));
  played_clock().between_looks = long_work;
  const std::string large = R"({"type":"ping","more":")" + std::string(4'200, 'x') + R"("})";
  const std::string frame = proto::client_frame(1, large);
  for (const int socket : crowd) {
    arrive(socket, std::string_view{frame}.substr(0, 4'096));
    arrive(socket, std::string_view{frame}.substr(4'096));
  }
  say(ann, say_x);
  turn();
  EXPECT_TRUE(asked<chat::PostMessage>());
  EXPECT_LE(answered(crowd), 2u);
  rest();
  EXPECT_EQ(answered(crowd), crowd.size());
}

// Each of them is a ping, or a pong, that a member may send.
class ControlFloodTest : public FloodTest, public testing::WithParamInterface<unsigned> {
 protected:
  std::string control() const { return proto::client_frame(GetParam(), ""); }
};
INSTANTIATE_TEST_SUITE_P(All, ControlFloodTest, testing::Values(9u, 10u),
                         [](const auto& kind) { return kind.param == 9 ? "ping" : "pong"; });

TEST_P(ControlFloodTest, a_member_that_floods_is_put_off_and_loses_nothing) {
  const int mallory = member(2, "r");
  const int bob = member(3, "r");
  played_clock().between_looks = long_work;
  for (int i = 0; i < 8; ++i) arrive(mallory, buffer_full_of(control()));
  say(mallory, R"({"type":"ping","ref":"last"})");
  arrive(bob, control() + control());
  say(bob, ping);
  say(ann, say_x);
  turn();
  EXPECT_TRUE(asked<chat::PostMessage>());
  turn();  // its answer, behind that to its pings, is on its way
  EXPECT_EQ(told(bob, "pong"), 1u) << "who pings now and then was put off";
  EXPECT_EQ(sent(mallory).find(R"("ref":"last")"), std::string::npos) << "all of it was read";
  rest();
  EXPECT_NE(sent(mallory).find(R"("ref":"last")"), std::string::npos);
}

TEST_P(ControlFloodTest, they_take_of_the_rate_no_more_than_there_is) {
  const int bob = member(3, "r");
  for (int i = 0; i < 8; ++i) arrive(bob, buffer_full_of(control()));
  turn();
  say(bob, ping);
  turn();
  turn();
  EXPECT_EQ(told(bob, "error"), 1u) << "a message is in time behind a flood";
  played_clock().now += std::chrono::milliseconds{20};  // two messages, of a hundred a second
  say(bob, ping);
  turn();
  EXPECT_EQ(told(bob, "pong"), 1u) << "there is a debt to be paid";
}

TEST_P(ControlFloodTest, a_strangers_are_steps) {
  const int stranger = connect();
  played_clock().between_looks = long_work;
  arrive(stranger, proto::client_frame(1, "{", {.fin = false}));
  turn();
  for (int i = 0; i < 4; ++i) arrive(stranger, buffer_full_of(control()));
  arrive(stranger, proto::client_frame(0, R"("type":"ping"})"));
  turn();
  EXPECT_EQ(told(stranger, "pong"), 0u);
  rest();
  EXPECT_EQ(told(stranger, "pong"), 1u);
}

TEST_F(FloodTest, a_member_that_is_too_fast_is_put_off_until_it_is_not) {
  const int mallory = member(2, "r");
  for (unsigned i = 0; i < config.limits.message_burst; ++i) say(mallory, ping);
  turn();
  const std::size_t pongs = told(mallory, "pong");
  say(mallory, ping);
  turn();
  const std::vector<int> crowd = strangers(1);
  const auto flood = [&] {
    played_clock().between_looks = long_work;
    arrive(crowd.front(), buffer_full_of(proto::client_frame(9, "")));
  };
  flood();
  arrive(mallory, proto::client_frame(1, "{", {.fin = false}));
  arrive(mallory, proto::client_frame(0, R"("type":"ping","ref":"slow"})"));
  turn();
  turn();
  EXPECT_EQ(sent(mallory).find(R"("ref":"slow")"), std::string::npos);
  rest();
  EXPECT_NE(sent(mallory).find(R"("ref":"slow")"), std::string::npos);

  played_clock().now += std::chrono::seconds{3};
  say(mallory, ping);
  turn();
  flood();
  say(mallory, R"({"type":"ping","ref":"in time"})");
  turn();
  EXPECT_NE(sent(mallory).find(R"("ref":"in time")"), std::string::npos);
  EXPECT_GT(told(mallory, "pong"), pongs);
}

class EndingsTest : public FloodTest {
 protected:
  std::vector<int> members(std::size_t count, const std::string& room) {
    std::vector<int> all;
    for (std::size_t i = 0; i < count; ++i) all.push_back(member(100 + i, room));
    return all;
  }
  void end(const std::vector<int>& all, std::int32_t result) {
    for (const int socket : all) ring->receive_ends(socket, result);
  }
  std::uint64_t ended_by_client() {
    played_clock().now += std::chrono::seconds{1};
    turn();  // in which what was counted is told
    return shard->metrics().ended[static_cast<std::size_t>(net::Ending::client)];
  }
};

TEST_F(EndingsTest, those_who_end_at_once_are_shut_a_few_in_each_turn) {
  std::vector<int> crowd = members(60, "r");
  const std::vector<int> others = strangers(60);
  crowd.insert(crowd.end(), others.begin(), others.end());
  played_clock().between_looks = long_work;
  end(crowd, 0);
  say(ann, say_x);
  turn();
  EXPECT_TRUE(asked<chat::PostMessage>());
  EXPECT_LE(ring->shutdowns, 2u);
  turn();
  EXPECT_LE(ring->shutdowns, 4u);
  rest();
  EXPECT_EQ(ring->closed.size(), crowd.size());
  EXPECT_EQ(shard->load(), 1u);
  EXPECT_EQ(ended_by_client(), crowd.size());
}

TEST_F(EndingsTest, descriptors_are_closed_a_few_in_each_turn_and_nobody_is_told_any_more) {
  const std::vector<int> crowd = members(150, "r");
  end(crowd, -ECONNRESET);
  say(ann, say_x);
  turn();
  EXPECT_EQ(ring->closed.size(), net::closes_per_turn);
  std::vector<std::string> before;
  for (const int socket : crowd) before.push_back(sent(socket));
  commit(take<chat::PostMessage>(), "r");
  for (int turns = 2; turns <= 3; ++turns) {
    turn();
    EXPECT_EQ(ring->closed.size(), std::min(turns * net::closes_per_turn, crowd.size()));
  }
  EXPECT_EQ(told(ann, "chat_message"), 1u);
  for (std::size_t i = 0; i < crowd.size(); ++i) EXPECT_EQ(sent(crowd[i]), before[i]);
  EXPECT_EQ(shard->load(), 1u);
  EXPECT_EQ(ended_by_client(), crowd.size());
}

TEST_F(EndingsTest, seats_are_given_up_some_in_each_turn) {
  constexpr std::size_t rooms = 40;
  std::vector<int> crowd;
  for (chat::UserId user = 100; user < 120; ++user) {
    crowd.push_back(somebody(user));
    for (std::size_t i = 0; i < rooms; ++i) join(crowd.back(), "room" + std::to_string(i));
  }
  end(crowd, -ECONNRESET);
  turn();
  EXPECT_EQ(shard->load(), 1 + crowd.size() - 7) << "seven have 280 seats";
  turn();
  EXPECT_LE(ring->may_wait, options.breath_before_strangers)
      << "the rest would stay until somebody comes";
  EXPECT_EQ(shard->load(), 1 + crowd.size() - 14);
  turn();
  EXPECT_EQ(shard->load(), 1u);
  turn();
  EXPECT_GT(ring->may_wait, options.breath_before_strangers);
  EXPECT_EQ(ended_by_client(), crowd.size());
  // What they held is free: after their time of grace their rooms are gone.
  played_clock().now += std::chrono::seconds{5};
  for (int i = 0; i < 10; ++i) turn();
  ended_by_client();
  EXPECT_EQ(shard->metrics().rooms, 1u);
}

TEST_F(EndingsTest, that_many_have_left_is_told_over_some_turns) {
  const std::vector<int> crowd = members(100, "r");
  end(crowd, 0);
  rest();
  EXPECT_EQ(told(ann, "user_left"), 0u) << "they may come back";
  played_clock().now += std::chrono::seconds{5};
  played_clock().between_looks = long_work;
  turn();
  EXPECT_LE(told(ann, "user_left"), 4u);
  rest();
  EXPECT_EQ(told(ann, "user_left"), crowd.size());
}

class EchoTest : public FloodTest {
 protected:
  static constexpr std::size_t slices = 20;

  int deflating() {
    const int socket = connect("/echo", "Sec-WebSocket-Extensions: permessage-deflate\r\n");
    EXPECT_NE(sent(socket).find("permessage-deflate"), std::string::npos);
    sent(socket).clear();
    return socket;
  }
  static std::string answer_to(std::string_view text) {
    std::string frame;
    proto::append_deflated_frame(frame, proto::Opcode::text, proto::Deflater{}.deflate(text, 15));
    return frame;
  }

  const std::string large = std::string(slices * proto::Deflater::slice_bytes, 'z');
};

TEST_F(EchoTest, a_large_answer_is_deflated_in_slices_and_those_behind_it_wait) {
  const int mallory = deflating();
  played_clock().between_looks = long_work;
  say(mallory, "before");
  say(mallory, large);
  say(mallory, "behind");
  say(ann, say_x);
  turn();
  EXPECT_TRUE(asked<chat::PostMessage>());
  unsigned turns = 1;
  while (sent(mallory).size() <= answer_to("before").size()) {
    ASSERT_LT(++turns, 100u) << "it does not come";
    turn();
    EXPECT_LE(ring->may_wait, options.breath_before_strangers);
  }
  EXPECT_GE(turns, slices);
  rest();
  EXPECT_EQ(sent(mallory), answer_to("before") + answer_to(large) + answer_to("behind"));
  EXPECT_GT(ring->may_wait, options.breath_before_strangers);
}

TEST_F(EchoTest, so_many_at_once_and_none_of_who_has_gone) {
  std::vector<int> crowd;
  for (int i = 0; i < 5; ++i) crowd.push_back(deflating());
  played_clock().between_looks = long_work;
  for (const int socket : crowd) say(socket, large);
  for (std::size_t i = 0; i < crowd.size(); ++i) turn();
  std::string refusal;
  proto::append_close_frame(refusal, proto::CloseCode::try_again_later, "busy");
  EXPECT_EQ(sent(crowd.back()), refusal);
  crowd.pop_back();
  ring->receive_ends(crowd.front(), -ECONNRESET);
  for (std::size_t i = 0; i < 2 * slices; ++i) turn();
  for (const int socket : crowd) EXPECT_EQ(sent(socket), "") << "more than a slice in a turn";
  rest();
  rest();
  EXPECT_EQ(sent(crowd.front()), "");
  for (std::size_t i = 1; i < crowd.size(); ++i) EXPECT_EQ(sent(crowd[i]), answer_to(large));
}

TEST_F(EchoTest, a_socket_that_is_still_to_be_closed_gets_no_answer) {
  const std::vector<int> crowd = strangers(net::closes_per_turn);
  const int mallory = deflating();
  played_clock().between_looks = long_work;
  say(mallory, large.substr(0, 3 * proto::Deflater::slice_bytes));
  turn();
  for (const int socket : crowd) ring->receive_ends(socket, -ECONNRESET);
  ring->receive_ends(mallory, -ECONNRESET);
  turn();
  ASSERT_FALSE(ring->closed.contains(mallory)) << "its session is gone, it is not";
  turn();
  rest();
  EXPECT_EQ(sent(mallory), "");
  EXPECT_EQ(shard->load(), 1u);
}

}  // namespace
}  // namespace starling::shard

// The seam: the ring and the clock of this program.
namespace starling::io {

base::Result<std::unique_ptr<Ring>> Ring::create(const RingOptions&) {
  auto ring = std::make_unique<shard::PlayedRing>();
  shard::TurnTest::newest_ring = ring.get();
  return ring;
}
base::Instant now() {
  shard::PlayedClock& clock = shard::played_clock();
  return clock.now += clock.between_looks;
}
base::WallMs wall_clock() { return 1'700'000'000'000; }

}  // namespace starling::io
