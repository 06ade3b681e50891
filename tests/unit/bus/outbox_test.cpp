#include "bus/outbox.hpp"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "proto/websocket.hpp"

namespace starling::bus {
namespace {

constexpr unsigned partitions = 8;

chat::CommittedBatchRef batch_of(const std::vector<std::pair<std::string, std::string>>& events,
                                 std::uint64_t epoch = 1) {
  auto batch = std::make_shared<chat::CommittedBatch>();
  batch->epoch = epoch;
  for (const auto& [room, payload] : events) {
    chat::Event event;
    event.room = room;
    const std::size_t offset = batch->frames.size();
    proto::append_frame(batch->frames, proto::Opcode::text, payload);
    batch->add(std::move(event), offset);
  }
  return batch;
}

class OutboxTest : public testing::Test {
 protected:
  std::vector<Body> take() {
    std::vector<Body> bodies;
    outbox.take(bodies);
    return bodies;
  }
  Outbox outbox{{"self", 1}, partitions};
};

TEST_F(OutboxTest, packs_what_waits_by_partition_in_its_order) {
  outbox.post(batch_of({{"a", "1"}, {"a", "2"}, {"b", "3"}}));
  outbox.post(batch_of({{"b", "4"}, {"a", "5"}}));
  std::map<unsigned, std::string> texts;
  for (const Body& body : take()) {
    EXPECT_EQ(body.number, 1u);
    EXPECT_EQ(body.epoch, 1u);
    EXPECT_EQ(body.origin, (Origin{"self", 1}));
    texts[body.partition] = body.text;
  }
  EXPECT_EQ(texts, (std::map<unsigned, std::string>{{partition_of("a", partitions), "1\n2\n5\n"},
                                                    {partition_of("b", partitions), "3\n4\n"}}));
  EXPECT_FALSE(outbox.ready());
  EXPECT_TRUE(take().empty());
}

TEST_F(OutboxTest, lines_are_the_payloads_of_frames_of_any_size) {
  for (const std::size_t size : {1u, 125u, 126u, 65'535u, 65'536u, 300'000u}) {
    const std::string payload(size, 'x');
    outbox.post(batch_of({{"a", payload}}));
    const std::vector<Body> bodies = take();
    ASSERT_EQ(bodies.size(), 1u);
    EXPECT_EQ(bodies.front().text, payload + "\n");
  }
}

TEST_F(OutboxTest, bodies_are_bounded_in_events_and_bytes) {
  std::vector<std::pair<std::string, std::string>> many(Outbox::body_events + 1, {"a", "x"});
  outbox.post(batch_of(many));
  std::vector<Body> bodies = take();
  ASSERT_EQ(bodies.size(), 2u);
  EXPECT_EQ(bodies[0].text.size(), 2 * Outbox::body_events);
  EXPECT_EQ(bodies[1].number, bodies[0].number + 1);
  const std::string half(Outbox::body_bytes / 2, 'y');
  outbox.post(batch_of({{"a", half}, {"a", half}, {"a", half}}));
  bodies = take();
  EXPECT_EQ(bodies.size(), 3u);
  for (const Body& body : bodies) EXPECT_LE(body.text.size(), Outbox::body_bytes);
}

TEST_F(OutboxTest, each_line_has_its_link) {
  auto batch = std::make_shared<chat::CommittedBatch>(*batch_of({{"a", "1"}, {"a", "2"}}));
  batch->entries[0].event.id = 11;
  batch->entries[1].event.id = 12;
  batch->entries[1].event.previous = 11;
  outbox.post(batch);
  EXPECT_EQ(take().front().chain, (std::vector<Link>{{11, 0}, {12, 11}}));
  outbox.post(batch_of({{"a", "3"}}));
  EXPECT_EQ(take().front().chain.size(), 1u);
}

TEST_F(OutboxTest, a_new_epoch_is_told_without_events) {
  outbox.post(batch_of({}, 2));
  const std::vector<Body> bodies = take();
  ASSERT_EQ(bodies.size(), 1u);
  EXPECT_EQ(bodies[0].epoch, 2u);
  EXPECT_EQ(bodies[0].text, "");
}

TEST_F(OutboxTest, a_body_is_of_one_epoch) {
  outbox.post(batch_of({{"a", "1"}}, 1));
  outbox.post(batch_of({{"a", "2"}}, 2));
  const std::vector<Body> bodies = take();
  ASSERT_EQ(bodies.size(), 2u);
  EXPECT_EQ(bodies[0].epoch, 1u);
  EXPECT_EQ(bodies[1].epoch, 2u);
}

TEST_F(OutboxTest, what_is_dropped_leaves_a_hole_in_the_numbers) {
  for (std::size_t i = 0; i <= Outbox::max_batches; ++i) outbox.post(batch_of({{"a", "x"}}));
  EXPECT_EQ(outbox.dropped(), 1u);
  const std::vector<Body> bodies = take();
  ASSERT_FALSE(bodies.empty());
  EXPECT_EQ(bodies.front().number, 2u);
  for (const std::uint64_t number : outbox.numbers()) EXPECT_GE(number, 1u);
  outbox.post(batch_of({{"b", "x"}}));
  EXPECT_EQ(take().front().number, 2u);  // in its partition nothing else was said
}

TEST_F(OutboxTest, too_many_bytes_are_dropped) {
  const auto large = batch_of({{"a", std::string(Outbox::max_bytes - 100, 'x')}});
  outbox.post(large);
  outbox.post(large);
  EXPECT_EQ(outbox.dropped(), 1u);
  EXPECT_EQ(take().size(), 1u);
  outbox.post(large);  // there is room again
  EXPECT_EQ(outbox.dropped(), 1u);
}

}  // namespace
}  // namespace starling::bus
