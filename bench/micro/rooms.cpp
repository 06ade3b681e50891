// From a committed batch to the bytes of each member's send.
#include <benchmark/benchmark.h>

#include <chrono>
#include <string>
#include <vector>

#include "base/chunk.hpp"
#include "chat/presence.hpp"
#include "chat/room_feed.hpp"
#include "samples.hpp"
#include "shard/wire_buffer.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t batch_events = 64;

// Nearly every event: it is the next one.
void feed_next(benchmark::State& state) {
  chat::RoomFeed feed;
  std::vector<chat::FeedItem> deliver;
  feed.set_head(0, 0, deliver);
  chat::Event event;
  for (auto _ : state) {
    event.previous = event.id++;
    ++event.seq;
    if (!feed.deliver_next(event)) {
      state.SkipWithError("the next event was not delivered");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(feed_next);

// A batch that comes backwards: every event waits for the one before it.
void feed_offer_backwards(benchmark::State& state) {
  const chat::CommittedBatchRef batch = sample_batch(1, batch_events);
  std::vector<chat::FeedItem> deliver;
  for (auto _ : state) {
    chat::RoomFeed feed;
    deliver.clear();
    feed.set_head(0, 0, deliver);
    for (std::size_t i = batch_events; i-- > 0;) feed.offer({batch, i}, deliver);
    if (deliver.size() != batch_events) {
      state.SkipWithError("not everything was delivered");
      break;
    }
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations() * batch_events));
}
BENCHMARK(feed_offer_backwards);

void wire_append(benchmark::State& state) {
  base::ChunkBudget budget{std::size_t{256} << 20};
  shard::WireBuffer wire;
  const std::string frame{sample_batch(1, 1)->frames};
  chat::Seq seq = 0;
  for (auto _ : state) {
    wire.append(frame, seq, seq + 1, budget);
    if (++seq % batch_events == 0) wire.clear();  // as when everybody has everything
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(wire_append);

// The end of a turn: so many members are each given what came.
void wire_flush(benchmark::State& state) {
  base::ChunkBudget budget{std::size_t{256} << 20};
  shard::WireBuffer wire;
  const std::string frame{sample_batch(1, 1)->frames};
  std::vector<std::uint64_t> cursors(static_cast<std::size_t>(state.range(0)), 0);
  chat::Seq seq = 0;
  for (auto _ : state) {
    for (std::size_t i = 0; i < 10; ++i, ++seq) wire.append(frame, seq, seq + 1, budget);
    for (std::uint64_t& cursor : cursors) {
      while (cursor < wire.end()) {
        shard::WireBuffer::Range range = wire.range_from(cursor);
        benchmark::DoNotOptimize(range.segment);
        cursor = range.end;
      }
    }
    wire.clear();
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(wire_flush)->Arg(10)->Arg(1'000);

// The timers of a room: somebody goes, is not forgotten at once, and comes back.
void timers_of_departures(benchmark::State& state) {
  constexpr base::Duration grace = std::chrono::seconds{3};
  const auto users = static_cast<chat::UserId>(state.range(0));
  chat::LocalPresence presence;
  for (chat::UserId user = 1; user <= users; ++user) presence.arrived(user);
  base::Instant now{};
  chat::UserId user = 0;
  for (auto _ : state) {
    user = user % users + 1;
    presence.left(user, now, grace);
    now += std::chrono::milliseconds{1};
    if (presence.expire(user, now) || presence.arrived(user)) {
      state.SkipWithError("somebody was forgotten too early");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(timers_of_departures)->Arg(10)->Arg(10'000);

}  // namespace
}  // namespace starling::bench
