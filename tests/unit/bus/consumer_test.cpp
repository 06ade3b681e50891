// What a server hears by the bus, and when its shards look into the archive for what they may not
// have been told. Over the simulation's broker and clock instead of RabbitMQ and the kernel's.
#include "bus/consumer.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "../../sim/broker_sim.hpp"
#include "../../sim/clock_sim.hpp"
#include "../../sim/judge.hpp"
#include "../../sim/tally.hpp"

namespace starling::bus {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

const Origin self{"self", 1};
const Origin peer{"peer", 1};
const SigningKey key = signing_key("a secret of all servers");

// A shard with members in every room, as the bus sees it.
struct ShardSim final : chat::ShardInbox {
  void reply(chat::TicketedReply&&) override {}
  bool committed(const chat::CommittedBatchRef&) override { return false; }
  bool committed_elsewhere(const chat::CommittedBatchRef& batch) override {
    batches.push_back(batch);
    return asleep = true;
  }
  void missed() override {
    ++looks;
    asleep = true;
  }
  void wake() override { asleep = false; }

  std::vector<chat::CommittedBatchRef> batches;
  unsigned looks = 0;   // it was told to compare its rooms with the archive
  bool asleep = false;  // over what it was given
};

AmqpAddress address_of(unsigned server) {
  AmqpAddress address;
  address.host = "server-" + std::to_string(server);
  return address;
}

BusOptions options_of(chat::FleetState& state) {
  BusOptions options;
  options.address = address_of(1);
  options.self = self;
  options.key = key;
  options.state = &state;
  return options;
}

std::string line_of(chat::Seq seq) {
  return R"({"type":"chat_message","id":1,"roomId":"r","seq":)" + std::to_string(seq) + "}\n";
}

class ConsumerTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { sim::share_tally(); }
  ConsumerTest() {
    sim::set_judge(&judge);
    sim::reset_clock(0);
    fleet.publishing = true;
    shards = std::vector<ShardSim>(2);
    consumer.emplace(options_of(fleet), std::move(*io::Wake::create()),
                     std::vector<chat::ShardInbox*>{&shards[0], &shards[1]}, nullptr);
    consumer->turn();
    speaker.emplace(std::move(*AmqpConnection::open(address_of(2), 5, "peer")));
  }
  ~ConsumerTest() override {
    speaker.reset();
    consumer.reset();
    sim::set_judge(nullptr);
  }

  void say(Body&& body) { ASSERT_TRUE(speaker->publish(seal(std::move(body), key))); }
  void say_events(std::uint64_t number, std::string text, std::vector<Link> chain = {},
                  std::uint64_t epoch = 7) {
    say({BodyKind::events, peer, epoch, 0, number, std::move(text), std::move(chain)});
  }
  void beat(const Origin& origin, const std::vector<std::uint64_t>& numbers = {}) {
    say({BodyKind::beat, origin, 0, 0, 0, beat_text(numbers)});
  }
  void hear(base::Duration after = milliseconds{5}) {
    sim::advance_clock(after);
    while (consumer->turn()) continue;
  }
  // How often the shards, each of them, were told to look since this was asked last.
  unsigned looks() {
    EXPECT_EQ(shards[0].looks, shards[1].looks);
    for (const ShardSim& shard : shards) EXPECT_FALSE(shard.asleep);
    shards[0].looks = std::exchange(shards[1].looks, 0);
    return std::exchange(shards[0].looks, 0);
  }
  std::vector<Link> links() {
    std::vector<Link> all;
    for (const auto& entry : shards[1].batches.back()->entries) {
      all.push_back({entry.event.id, entry.event.previous});
    }
    return all;
  }

  sim::Judge judge{false};
  sim::Random random{1};
  sim::BrokerSim broker{random};
  chat::FleetState fleet;
  std::vector<ShardSim> shards;
  std::optional<Consumer> consumer;
  std::optional<AmqpConnection> speaker;  // of another server
};

TEST_F(ConsumerTest, events_come_with_their_epoch_and_what_each_follows) {
  say_events(1, line_of(1) + line_of(2), {{11, 0}, {12, 11}});
  hear();
  EXPECT_EQ(shards[0].batches, shards[1].batches);
  EXPECT_EQ(shards[1].batches.back()->epoch, 7u);
  EXPECT_EQ(links(), (std::vector<Link>{{11, 0}, {12, 11}}));
}

TEST_F(ConsumerTest, a_line_that_is_no_event_has_its_place_in_the_chain) {
  say_events(1, line_of(1) + "{}\n" + line_of(3), {{11, 0}, {12, 11}, {13, 12}});
  hear();
  EXPECT_EQ(links(), (std::vector<Link>{{11, 0}, {13, 12}}));
  EXPECT_EQ(consumer->metrics().refused, 1u);
}

TEST_F(ConsumerTest, what_a_body_does_not_tell_of_its_events_is_not_known) {
  say_events(1, line_of(1) + line_of(2));
  hear();
  EXPECT_EQ(links(), (std::vector<Link>{{}, {}}));
  say_events(2, line_of(3) + line_of(4), {{13, 12}});
  hear();
  EXPECT_EQ(links(), (std::vector<Link>{{13, 12}, {}}));
}

TEST_F(ConsumerTest, what_nobody_of_the_fleet_has_signed_reaches_nobody) {
  Message forged = seal({BodyKind::events, peer, 7, 0, 5, line_of(1)}, signing_key("another"));
  ASSERT_TRUE(speaker->publish(forged));
  looks();
  hear();
  EXPECT_TRUE(shards[0].batches.empty());
  EXPECT_EQ(looks(), 0u);
  EXPECT_EQ(consumer->metrics().refused, 1u);
}

// ---- when the shards look into the archive ---------------------------------------------------

TEST_F(ConsumerTest, after_each_connection) {
  EXPECT_EQ(looks(), 1u);
  hear();
  EXPECT_EQ(looks(), 0u);
  broker.lose_all_connections();
  hear();
  EXPECT_EQ(looks(), 0u);  // not yet: what is said before there is a queue again is lost, too
  hear(seconds{10});
  EXPECT_EQ(looks(), 1u);
  EXPECT_EQ(consumer->metrics().connects, 2u);
}

TEST_F(ConsumerTest, when_a_body_has_not_come) {
  say_events(1, line_of(1));
  hear();
  looks();
  say_events(3, line_of(3));
  hear();
  EXPECT_EQ(looks(), 1u);
  beat(peer, {4});
  hear();
  EXPECT_EQ(looks(), 1u);  // the last one
  beat(peer, {4});
  hear();
  EXPECT_EQ(looks(), 0u);
  EXPECT_EQ(consumer->metrics().holes, 2u);
}

TEST_F(ConsumerTest, when_a_server_that_was_heard_falls_silent) {
  say_events(1, line_of(1));
  beat(self);
  hear();
  looks();
  for (base::Duration silence{}; silence < Origins::silent_after; silence += seconds{1}) {
    EXPECT_EQ(looks(), 0u);
    EXPECT_TRUE(fleet.complete);
    beat(self);  // the bus works
    hear(seconds{1});
  }
  EXPECT_EQ(looks(), 1u);
  EXPECT_FALSE(fleet.complete);
}

TEST_F(ConsumerTest, when_there_is_a_new_epoch_also_without_events) {
  say_events(1, line_of(1), {}, 7);
  hear();
  looks();
  say_events(2, {}, {}, 8);
  hear();
  EXPECT_EQ(looks(), 1u);
  EXPECT_EQ(shards[0].batches.size(), 1u);
  say_events(3, line_of(1), {}, 8);
  say_events(4, line_of(2), {}, 7);  // late
  hear();
  EXPECT_EQ(looks(), 0u);
  say_events(5, line_of(1), {}, 9);
  hear();
  EXPECT_EQ(looks(), 1u);
}

}  // namespace
}  // namespace starling::bus
