// Waking a thread that may be asleep, without a system call when it is not.
//
// The sender makes its work visible and calls notify(); the receiver calls prepare_sleep(), looks
// at its queues once more, and only then blocks. Both sides fence between their store and their
// load, so at least one of them sees the other: a wake-up is never lost.
#pragma once

#include <atomic>

#include "base/result.hpp"
#include "base/time.hpp"

namespace starling::io {

class Wake {
 public:
  static base::Result<Wake> create();  // fails where eventfd(2) does
  Wake(Wake&& other) noexcept;
  Wake& operator=(Wake&&) = delete;
  ~Wake();

  // Any thread, after the work has been published.
  void notify();

  // The receiver's thread: from here on notify() writes to the descriptor.
  void prepare_sleep();
  // The receiver's thread, after it slept or found work after all.
  void awake();
  // The receiver's thread, after prepare_sleep(): blocks until notify() or `longest` has passed.
  // For threads without a ring; a ring reads descriptor() itself. `also`: what ends the wait as
  // soon as it can be read, too; -1: nothing.
  void wait(base::Duration longest, int also = -1);

  int descriptor() const { return descriptor_; }

 private:
  explicit Wake(int descriptor) : descriptor_(descriptor) {}

  int descriptor_;
  std::atomic<bool> asleep_{false};
};

}  // namespace starling::io
