#include "tally.hpp"

#include <sys/mman.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <new>

#include "base/check.hpp"

namespace starling::sim {
namespace {

constexpr auto kinds = static_cast<std::size_t>(Happened::last);
constexpr std::array<const char*, kinds> names{
    "connections",
    "connections cut by the client",
    "kills",
    "losses of power",
    "orderly stops",
    "failed starts",
    "failed commits",
    "failed syncs",
    "acknowledgements",
    "of them duplicates",
    "certain refusals",
    "answers of REST",
    "events given",
    "rooms resumed",
    "gaps: too many",
    "gaps: slow reader",
    "closed as too slow",
    "closed with try again later",
    "holes filled",
    "doubts of what was delivered",
    "new epochs",
    "batches dropped",
    "signals dropped",
    "calls refused",
    "receives without a buffer",
    "polls that found something",
    "multishots that ended",
    "short sends",
    "freezes",
    "waits for a lock",
    "of them in vain",
    "deadlocks",
    "reads with a hole",
    "commits without an answer",
    "bodies lost by the bus",
    "bodies that came twice",
    "bodies that came late",
    "connections to the bus lost",
};

using Counts = std::array<std::atomic<std::uint64_t>, kinds>;
Counts* counts = nullptr;

}  // namespace

void share_tally() {
  void* memory =
      ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  counts = new (memory) Counts{};
}

void count(Happened what, std::uint64_t times) {
  (*counts)[static_cast<std::size_t>(what)].fetch_add(times, std::memory_order_relaxed);
}

void print_tally() {
  for (std::size_t i = 0; i < kinds; ++i) {
    std::printf("%12llu %s\n", static_cast<unsigned long long>((*counts)[i].load()), names[i]);
  }
}

}  // namespace starling::sim
