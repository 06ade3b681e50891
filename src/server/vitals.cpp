#include "server/vitals.hpp"

#include <algorithm>
#include <utility>

namespace starling::server {

void Vitals::watch(std::string name, const std::atomic<std::uint64_t>& turns, base::Instant now) {
  const std::uint64_t seen = turns.load(std::memory_order_relaxed);
  pulses_.push_back({std::move(name), &turns, seen, seen, now});
}

std::vector<Vitals::Stalled> Vitals::look(base::Instant now) {
  std::vector<Stalled> stalled;
  for (Pulse& pulse : pulses_) {
    const std::uint64_t turns = pulse.turns->load(std::memory_order_relaxed);
    if (turns != std::exchange(pulse.seen, turns)) pulse.moved_at = now;
    if (now - pulse.moved_at > patience) stalled.push_back({pulse.name, now - pulse.moved_at});
  }
  return stalled;
}

bool Vitals::all_turned() {
  const bool all = std::ranges::all_of(pulses_, [](const Pulse& pulse) {
    return pulse.turns->load(std::memory_order_relaxed) != pulse.fed;
  });
  if (!all) return false;
  for (Pulse& pulse : pulses_) pulse.fed = pulse.turns->load(std::memory_order_relaxed);
  return true;
}

}  // namespace starling::server
