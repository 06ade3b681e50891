// What the writer does between BEGIN and COMMIT.
#include <benchmark/benchmark.h>

#include <string>
#include <utility>
#include <vector>

#include "samples.hpp"
#include "store/numbering.hpp"
#include "store/sqlite_database.hpp"
#include "store/sqlite_migrations.hpp"
#include "store/sqlite_rows.hpp"

namespace starling::bench {
namespace {

using store::WriteRequestWithTicket;

constexpr chat::UserId sample_sender = 42;
constexpr std::uint64_t sample_epoch = 1;
constexpr base::WallMs sample_time = 1'764'000'000'000;

WriteRequestWithTicket ask(chat::WriteRequest request) {
  return {std::move(request), {}, 0, false};
}

// So many messages of one room in one transaction, of a database in memory: no disk is asked.
void numbering(benchmark::State& state) {
  auto opened = store::SqliteDatabase::open(":memory:");
  if (!opened || !store::migrate(**opened, store::migrations())) {
    state.SkipWithError("there is no database");
    return;
  }
  store::SqliteDatabase& database = **opened;
  store::SqliteRows rows{database};
  store::Numbering numbering{rows, sample_epoch};
  std::vector<chat::Event> events;
  const auto transact = [&](const std::vector<WriteRequestWithTicket>& requests) {
    events.clear();
    database.run("BEGIN");
    numbering.begin(sample_time, requests);
    for (const WriteRequestWithTicket& request : requests) numbering.apply(request, events);
    numbering.finish();
    database.run("COMMIT");
  };
  transact({ask(chat::EnsureUser{sample_sender, "margarete"}),
            ask(chat::JoinRoom{"general", sample_sender})});
  std::uint64_t key = 0;
  std::vector<WriteRequestWithTicket> requests(static_cast<std::size_t>(state.range(0)));
  for (auto _ : state) {
    for (WriteRequestWithTicket& request : requests) {
      request = ask(chat::PostMessage{"general", sample_sender, std::string{sample_text}, "text",
                                      "", "c-" + std::to_string(++key)});
    }
    transact(requests);
    if (events.size() != requests.size() || database.failed()) {
      state.SkipWithError("not every message got its number");
      break;
    }
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(numbering)->Arg(1)->Arg(64);

}  // namespace
}  // namespace starling::bench
