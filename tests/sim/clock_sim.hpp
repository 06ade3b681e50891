// The clock and the wake-ups of a simulated process, in place of src/io's clock.cpp and wake.cpp.
//
// Time stands still unless the run moves it. A wake-up is remembered from the receiver's
// prepare_sleep() on; wait() does not block but says until when it would have. So the run can turn
// a part only when it was woken or its patience is over, and a wake-up that was forgotten shows
// itself: work is found although nobody woke.
#pragma once

#include "base/time.hpp"

namespace starling::sim {

// A new run: a clock at its beginning, no wake-ups.
void reset_clock(base::WallMs wall);
void set_now(base::Instant now);
void advance_clock(base::Duration by);
// People set clocks: the wall clock alone.
void jump_wall_clock(base::WallMs by);

// What the run knows of a Wake, by its descriptor.
struct WakeState {
  bool notified = false;  // since the last prepare_sleep()
  bool waiting = false;   // wait() was called; the run clears it
  base::Instant until{};  // of that wait
  int also = -1;          // what ends it, too
};
WakeState& wake_state(int descriptor);
int newest_wake();

}  // namespace starling::sim
