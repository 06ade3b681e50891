#include "io/wake.hpp"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <ctime>
#include <iterator>
#include <string>
#include <utility>

namespace starling::io {

base::Result<Wake> Wake::create() {
  const int descriptor = ::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  if (descriptor < 0) {
    return base::failure(std::string{"eventfd: "} + std::strerror(errno), errno);
  }
  return Wake{descriptor};
}

Wake::Wake(Wake&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), asleep_(other.asleep_.load()) {}

Wake::~Wake() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void Wake::notify() {
  // Pairs with the fence in prepare_sleep(): either we see the sleeper, or it sees our work.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (!asleep_.load(std::memory_order_relaxed)) return;
  if (!asleep_.exchange(false, std::memory_order_acq_rel)) return;  // another one wakes it
  const std::uint64_t one = 1;
  // Fails only when the counter is full, and then the sleeper wakes anyway.
  [[maybe_unused]] const ssize_t written = ::write(descriptor_, &one, sizeof one);
}

void Wake::prepare_sleep() {
  asleep_.store(true, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
}

void Wake::awake() { asleep_.store(false, std::memory_order_relaxed); }

void Wake::wait(base::Duration longest, int also) {
  const auto nanoseconds = longest.count() < 0 ? 0 : longest.count();
  timespec limit{};
  limit.tv_sec = static_cast<time_t>(nanoseconds / 1'000'000'000);
  limit.tv_nsec = static_cast<long>(nanoseconds % 1'000'000'000);
  pollfd watched[] = {{descriptor_, POLLIN, 0}, {also, POLLIN, 0}};
  if (::ppoll(watched, std::size(watched), &limit, nullptr) <= 0) return;
  if ((watched[0].revents & POLLIN) == 0) return;
  std::uint64_t count;
  [[maybe_unused]] const ssize_t taken = ::read(descriptor_, &count, sizeof count);
}

}  // namespace starling::io
