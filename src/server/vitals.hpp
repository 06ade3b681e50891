// Vitals: which threads still turn. Every loop of the server wakes at least ten times a second, so
// a count that stands still is a thread that waits for what it must not wait for.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/time.hpp"

namespace starling::server {

// Lives on the main thread.
class Vitals {
 public:
  static constexpr base::Duration patience = std::chrono::seconds{3};

  // `turns` is added to by the thread, and outlives this.
  void watch(std::string name, const std::atomic<std::uint64_t>& turns, base::Instant now);

  struct Stalled {
    std::string name;
    base::Duration since;
  };
  // Those that have not turned for longer than `patience`.
  std::vector<Stalled> look(base::Instant now);
  // Whether every thread has turned since this was true the last time.
  bool all_turned();

 private:
  struct Pulse {
    std::string name;
    const std::atomic<std::uint64_t>* turns;
    std::uint64_t seen;
    std::uint64_t fed;  // seen when all had turned the last time
    base::Instant moved_at;
  };
  std::vector<Pulse> pulses_;
};

}  // namespace starling::server
