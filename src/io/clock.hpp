// The only place that reads a clock. Which clock is chosen when the program is linked, as the ring
// is.
#pragma once

#include "base/time.hpp"

namespace starling::io {

base::Instant now();        // CLOCK_MONOTONIC
base::WallMs wall_clock();  // CLOCK_REALTIME, milliseconds

}  // namespace starling::io
