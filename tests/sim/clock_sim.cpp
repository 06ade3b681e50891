#include "clock_sim.hpp"

#include <deque>
#include <utility>

#include "base/check.hpp"
#include "io/clock.hpp"
#include "io/wake.hpp"

namespace starling::sim {
namespace {

base::Instant now_{};
base::WallMs wall_at_start = 0;
std::deque<WakeState> wakes;

}  // namespace

void reset_clock(base::WallMs wall) {
  now_ = base::Instant{std::chrono::seconds{1'000}};
  wall_at_start = wall;
  wakes.clear();
}
void set_now(base::Instant now) {
  CHECK(now >= now_);
  now_ = now;
}
void advance_clock(base::Duration by) { now_ += by; }
void jump_wall_clock(base::WallMs by) { wall_at_start += by; }

WakeState& wake_state(int descriptor) { return wakes.at(static_cast<std::size_t>(descriptor)); }
int newest_wake() { return static_cast<int>(wakes.size()) - 1; }

}  // namespace starling::sim

namespace starling::io {

base::Instant now() { return sim::now_; }
base::WallMs wall_clock() {
  using std::chrono::milliseconds;
  return sim::wall_at_start +
         std::chrono::duration_cast<milliseconds>(sim::now_.time_since_epoch()).count();
}

base::Result<Wake> Wake::create() {
  sim::wakes.emplace_back();
  return Wake{sim::newest_wake()};
}
Wake::Wake(Wake&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
Wake::~Wake() = default;

void Wake::notify() { sim::wake_state(descriptor_).notified = true; }
void Wake::prepare_sleep() { sim::wake_state(descriptor_).notified = false; }
void Wake::awake() {}
void Wake::wait(base::Duration longest, int also) {
  sim::WakeState& state = sim::wake_state(descriptor_);
  state.waiting = true;
  state.also = also;
  state.until = now() + longest;
}

}  // namespace starling::io
