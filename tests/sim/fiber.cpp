#include "fiber.hpp"

#include <utility>

#include "base/check.hpp"
#include "io/clock.hpp"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define STARLING_ADDRESS_SANITIZER 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define STARLING_ADDRESS_SANITIZER 1
#endif

#ifdef STARLING_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

namespace starling::sim {
namespace {

Fiber* running = nullptr;

// AddressSanitizer has to hear of each change of stacks.
void tell_of_switch([[maybe_unused]] void** own, [[maybe_unused]] const void* bottom,
                    [[maybe_unused]] std::size_t size) {
#ifdef STARLING_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(own, bottom, size);
#endif
}
void tell_of_arrival([[maybe_unused]] void* own, [[maybe_unused]] const void** bottom,
                     [[maybe_unused]] std::size_t* size) {
#ifdef STARLING_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(own, bottom, size);
#endif
}

}  // namespace

Fiber::~Fiber() { CHECK(!busy()); }

Fiber* Fiber::current() { return running; }

void Fiber::run(std::function<void()> work) {
  CHECK(!busy());
  work_ = std::move(work);
  if (!stack_) stack_ = std::make_unique_for_overwrite<std::byte[]>(stack_bytes);
  CHECK(::getcontext(&context_) == 0);
  context_.uc_stack.ss_sp = stack_.get();
  context_.uc_stack.ss_size = stack_bytes;
  context_.uc_link = nullptr;
  ::makecontext(&context_, &Fiber::begin, 0);
  fake_stack_ = nullptr;
  enter();
}

void Fiber::resume() {
  CHECK(busy());
  enter();
}

void Fiber::abandon() {
  abandoned_ = true;
  if (busy()) enter();
  CHECK(!busy());
}

bool Fiber::ready() const {
  return busy() && !running_ && (io::now() >= until_ || (over_ && over_()));
}

void Fiber::enter() {
  CHECK(!running_);
  running_ = true;
  outer_ = std::exchange(running, this);
  void* own = nullptr;
  tell_of_switch(&own, stack_.get(), stack_bytes);
  CHECK(::swapcontext(&caller_, &context_) == 0);
  tell_of_arrival(own, nullptr, nullptr);
  running = outer_;
  running_ = false;
}

void Fiber::leave(bool for_good) {
  tell_of_switch(for_good ? nullptr : &fake_stack_, caller_stack_, caller_stack_bytes_);
  CHECK(::swapcontext(&context_, &caller_) == 0);
  tell_of_arrival(fake_stack_, &caller_stack_, &caller_stack_bytes_);
}

void Fiber::begin() {
  Fiber& self = *running;
  tell_of_arrival(nullptr, &self.caller_stack_, &self.caller_stack_bytes_);
  self.work_();
  self.work_ = nullptr;
  self.leave(true);
}

void Fiber::wait_until(base::Instant time, std::function<bool()> over) {
  Fiber* const self = running;
  if (!self || self->abandoned_) return;
  self->until_ = time;
  self->over_ = std::move(over);
  self->leave(false);
  self->over_ = nullptr;
}

}  // namespace starling::sim
