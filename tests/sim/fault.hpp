// Fault: the one thing that goes wrong in a run of tests/sim/in_turn, at a place that is counted
// up.
//
// The simulated kernel and disk, and SQLite's allocator, ask fails() at each of their calls. Only
// while a run does what its scenario says: what the run itself looks at, and the end in which all
// is kind, are not counted.
#pragma once

#include <cstdint>

namespace starling::sim {

enum class Fault : std::uint8_t {
  none,
  completion,  // of an accept, a receive or a send: an error
  shortfall,   // the same: nothing is wrong, but it ends early and must be asked for again
  write,       // of a file, or its truncation
  full,        // a write without space
  sync,
  read,
  allocation,  // of SQLite
  last,
};

// From here on the `at`-th such call fails, counted from 1.
void arm(Fault what, std::uint64_t at);
void disarm();
// How many such calls there were since arm().
std::uint64_t calls_of_fault();

// One such call is made: does it fail?
bool fails(Fault what);

// Before SQLite is used for the first time.
void let_allocations_fail();

// While it lives, calls are neither counted nor fail.
class Unwatched {
 public:
  Unwatched();
  ~Unwatched();
  Unwatched(const Unwatched&) = delete;
  Unwatched& operator=(const Unwatched&) = delete;
};

}  // namespace starling::sim
