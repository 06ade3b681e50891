#include "chat/sketch.hpp"

#include <algorithm>

namespace starling::chat {
namespace {

constexpr std::size_t mask = sketch_cells - 1;
static_assert((sketch_cells & mask) == 0);
constexpr unsigned row_bits = 32;  // where the second row's part of a hash begins

std::size_t cell(SketchKey key, std::size_t row) { return (key >> (row * row_bits)) & mask; }

constexpr auto relaxed = std::memory_order_relaxed;

}  // namespace

// ---- RateSketch ------------------------------------------------------------------------------

base::Instant RateSketch::full_at(SketchKey key) const {
  return base::Instant{base::Duration{
      std::min(rows_[0][cell(key, 0)].load(relaxed), rows_[1][cell(key, 1)].load(relaxed))}};
}

// Cells that show more already, for another key's sake, stay what they are.
void RateSketch::raise(SketchKey key, base::Instant full_at) {
  const base::Duration::rep wanted = full_at.time_since_epoch().count();
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    Cell& found = rows_[row][cell(key, row)];
    base::Duration::rep seen = found.load(relaxed);
    while (seen < wanted && !found.compare_exchange_weak(seen, wanted, relaxed)) {
    }
  }
}

base::Duration RateSketch::wait(SketchKey key, const RateRule& rule, base::Instant now) const {
  return std::max(base::Duration::zero(), full_at(key) - now - time_of(rule, rule.burst - 1));
}

base::Duration RateSketch::take(SketchKey key, const RateRule& rule, base::Instant now) {
  const base::Duration until = wait(key, rule, now);
  if (until == base::Duration::zero()) charge(key, rule, now);
  return until;
}

base::Duration RateSketch::charge(SketchKey key, const RateRule& rule, base::Instant now) {
  const base::Instant before = full_at(key);
  const base::Duration until = wait(key, rule, now);
  raise(key, std::max(before, now) + time_of(rule, 1));
  return until;
}

// ---- CountSketch -----------------------------------------------------------------------------

bool CountSketch::enter(SketchKey key, std::uint32_t limit) {
  std::uint32_t held = UINT32_MAX;
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    held = std::min(held, rows_[row][cell(key, row)].fetch_add(1, relaxed));
  }
  if (held < limit) return true;
  leave(key);
  return false;
}

void CountSketch::leave(SketchKey key) {
  for (std::size_t row = 0; row < rows_.size(); ++row) {
    rows_[row][cell(key, row)].fetch_sub(1, relaxed);
  }
}

}  // namespace starling::chat
