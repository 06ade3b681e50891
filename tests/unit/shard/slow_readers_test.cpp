// Readers that stop, many of them: the shard's memory is bounded whatever they do, and who reads
// notices nothing.
#include "harness.hpp"
#include "net/connection.hpp"

namespace starling::shard {
namespace {

using SlowReadersTest = ShardTest;
using chat::Seq;

TEST_F(SlowReadersTest, the_budget_of_a_shard_holds_whoever_stops_reading) {
  constexpr std::size_t stalled = 24;
  constexpr std::size_t budget_bytes = 1 << 20;
  constexpr std::size_t in_flight_bytes = stalled * 2 * net::max_bytes_per_send;
  config.limits.shard_buffer_bytes = budget_bytes;
  config.limits.room_buffer_bytes = 1 << 20;
  config.limits.send_timeout_ms = 600'000;  // not what cuts them off here
  start();
  auto ann = member(1, "r", 0);
  // Each stalled reader keeps a room of its own behind.
  std::vector<std::unique_ptr<TestClient>> slow;
  for (std::size_t i = 0; i < stalled; ++i) {
    slow.push_back(member(2 + i, "r" + std::to_string(i), 0, 4'096));
    std::erase(clients, slow.back().get());
  }
  // Each of these rooms gets far more than the sockets take. An idle round takes 20 ms, so that the
  // shard has a few seconds to see who is stuck.
  constexpr int rounds = 400;
  Seq last = 0;
  for (int round = 0; shard->load() > 1; ++round) {
    ASSERT_LT(round, rounds) << "nobody is cut off";
    if (last < 4'000) {
      for (std::size_t i = 0; i < stalled; ++i) {
        shard->committed(batch("r" + std::to_string(i), last + 1, last + 20, 2'000));
      }
      shard->committed(batch("r", last + 1, last + 20, 100));
      last += 20;
    }
    settle();
    // The numbers of the last tick.
    ASSERT_LE(shard->metrics().buffer_bytes, budget_bytes + in_flight_bytes);
  }
  pump([&] { return newest_seq(*ann) == last; });
  EXPECT_EQ(seqs(*ann), range(1, last));
  EXPECT_EQ(ann->close_code, 0u);
}

}  // namespace
}  // namespace starling::shard
