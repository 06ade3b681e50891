// Fiber: a thread of a simulated server that may block, on a stack of its own in the run's one
// thread.
//
// The writer of a shared archive waits for locks that another server holds, in the middle of its
// turn. So its turn is run on a fiber: where the simulated database or broker takes its time, the
// fiber waits, and whatever else can happen does. What never waits runs as if there were none.
#pragma once

#include <ucontext.h>

#include <cstddef>
#include <functional>
#include <memory>

#include "base/time.hpp"

namespace starling::sim {

class Fiber {
 public:
  static constexpr std::size_t stack_bytes = std::size_t{512} << 10;

  Fiber() = default;
  ~Fiber();  // not in the middle of its work: see abandon()
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  // Runs `work` until it ends or waits.
  void run(std::function<void()> work);
  // Goes on with it.
  void resume();
  bool busy() const { return static_cast<bool>(work_); }  // in the middle of its work
  bool ready() const;                                     // that may go on
  base::Instant until() const { return until_; }          // when it does in any case
  // Its process is gone: from here on it waits for nothing, and ends its work.
  void abandon();
  bool abandoned() const { return abandoned_; }

  // The one that runs now; nullptr outside of all.
  static Fiber* current();
  // Others run until `over` says so or the time has come. Outside of all fibers, and in one that is
  // abandoned: returns at once.
  static void wait_until(base::Instant time, std::function<bool()> over = {});

 private:
  static void begin();
  void enter();
  void leave(bool for_good);

  std::unique_ptr<std::byte[]> stack_;
  ucontext_t context_{};
  ucontext_t caller_{};
  const void* caller_stack_ = nullptr;  // what AddressSanitizer wants to know
  std::size_t caller_stack_bytes_ = 0;
  void* fake_stack_ = nullptr;
  Fiber* outer_ = nullptr;  // that resumed this one
  std::function<void()> work_;
  std::function<bool()> over_;
  base::Instant until_{};
  bool running_ = false;
  bool abandoned_ = false;
};

}  // namespace starling::sim
