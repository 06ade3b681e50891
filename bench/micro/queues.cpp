// From thread to thread, and from a handle to its object.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <optional>
#include <random>
#include <thread>
#include <vector>

#include "base/mailbox.hpp"
#include "base/slot_map.hpp"
#include "samples.hpp"
#include "shard/inbox.hpp"

namespace starling::bench {
namespace {

// Nobody waits for anybody: the price of the queue alone.
void mailbox_hop_alone(benchmark::State& state) {
  base::Mailbox<std::uint64_t> mailbox{1'024};
  std::uint64_t number = 0;
  for (auto _ : state) {
    if (!mailbox.post(std::uint64_t{++number}) || mailbox.take() != number) {
      state.SkipWithError("the item did not come");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(mailbox_hop_alone);

// One thread posts, another takes, both as fast as they can. Needs two idle cores to mean much.
void mailbox_hop_between_threads(benchmark::State& state) {
  base::Mailbox<std::uint64_t> mailbox{1'024};
  std::atomic<bool> over{false};
  std::uint64_t taken = 0;
  std::thread consumer{[&] {
    while (true) {
      const bool last = over.load(std::memory_order_acquire);  // before the last look
      if (mailbox.take()) {
        ++taken;
      } else if (last) {
        return;
      } else {
        std::this_thread::yield();
      }
    }
  }};
  std::uint64_t posted = 0;
  for (auto _ : state) {
    while (!mailbox.post(std::uint64_t{posted})) std::this_thread::yield();
    ++posted;
  }
  over.store(true, std::memory_order_release);
  consumer.join();
  if (taken != posted) state.SkipWithError("items were lost");
  state.SetItemsProcessed(static_cast<std::int64_t>(taken));
}
BENCHMARK(mailbox_hop_between_threads)->UseRealTime();

// A batch of the writer on its way to one shard.
void inbox_batch(benchmark::State& state) {
  shard::Inbox inbox{1'024};
  const chat::CommittedBatchRef batch = sample_batch(1, static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    inbox.post_batch(batch);
    std::optional<chat::CommittedBatchRef> taken = inbox.take_batch();
    if (!taken) {
      state.SkipWithError("the batch did not come");
      break;
    }
    benchmark::DoNotOptimize(taken);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(inbox_batch)->Arg(1)->Arg(128);

constexpr std::size_t sample_objects = 10'000;

struct Object {
  std::uint64_t number;
  std::array<std::byte, 248> rest{};  // as large as a connection, about
};

void slot_map_find(benchmark::State& state) {
  base::SlotMap<Object> map;
  std::vector<base::Handle> handles;
  for (std::size_t i = 0; i < sample_objects; ++i) handles.push_back(map.emplace(Object{i}));
  std::shuffle(handles.begin(), handles.end(), std::mt19937{1});
  std::size_t next = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(map.find(handles[next])->number);
    next = next + 1 == handles.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(slot_map_find);

void slot_map_come_and_go(benchmark::State& state) {
  base::SlotMap<Object> map;
  std::vector<base::Handle> handles;
  for (std::size_t i = 0; i < sample_objects; ++i) handles.push_back(map.emplace(Object{i}));
  std::size_t next = 0;
  for (auto _ : state) {
    map.erase(handles[next]);
    handles[next] = map.emplace(Object{next});
    next = next + 1 == handles.size() ? 0 : next + 1;
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(slot_map_come_and_go);

}  // namespace
}  // namespace starling::bench
