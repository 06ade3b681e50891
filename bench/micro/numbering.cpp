// What the writer does between BEGIN and COMMIT.
#include <benchmark/benchmark.h>

#include <vector>

#include "samples.hpp"
#include "store/migrations.hpp"
#include "store/numbering.hpp"

namespace starling::bench {
namespace {

constexpr chat::UserId sample_sender = 42;
constexpr std::uint64_t sample_epoch = 1;
constexpr base::WallMs sample_time = 1'764'000'000'000;

// So many messages of one room in one transaction, of a database in memory: no disk is asked.
void numbering(benchmark::State& state) {
  auto database = store::Database::open(":memory:");
  if (!database || !store::migrate(*database, store::migrations())) {
    state.SkipWithError("there is no database");
    return;
  }
  store::Numbering numbering{*database, sample_epoch};
  std::vector<chat::Event> events;
  std::uint64_t key = 0;
  database->run("BEGIN");
  numbering.begin(sample_time);
  numbering.apply(chat::WriteRequest{chat::EnsureUser{sample_sender, "margarete"}}, events);
  numbering.apply(chat::WriteRequest{chat::JoinRoom{"general", sample_sender}}, events);
  numbering.finish();
  database->run("COMMIT");
  const auto count = static_cast<std::size_t>(state.range(0));
  for (auto _ : state) {
    events.clear();
    database->run("BEGIN");
    numbering.begin(sample_time);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string own_key = "c-" + std::to_string(++key);
      numbering.apply(chat::WriteRequest{chat::PostMessage{
                          "general", sample_sender, std::string{sample_text}, "text", "", own_key}},
                      events);
    }
    numbering.finish();
    database->run("COMMIT");
    if (events.size() != count || database->failed()) {
      state.SkipWithError("not every message got its number");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(numbering)->Arg(1)->Arg(64);

}  // namespace
}  // namespace starling::bench
