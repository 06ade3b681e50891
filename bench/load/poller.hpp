// Poller: one epoll for all sockets of a run, and the clock that is read with it.
#pragma once

#include <sys/epoll.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>

#include "socket.hpp"

namespace starling::bench {

inline constexpr std::int64_t second_ns = 1'000'000'000;

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

class Poller {
 public:
  Poller() : epoll_(::epoll_create1(EPOLL_CLOEXEC)) {
    ::prctl(PR_SET_TIMERSLACK, 1UL);  // nanosecond: waits end when they should
  }
  ~Poller() { ::close(epoll_); }
  Poller(const Poller&) = delete;
  Poller& operator=(const Poller&) = delete;

  // A socket that is closed is watched no more.
  void watch(int socket, void* owner) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.ptr = owner;
    if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, socket, &event) != 0) give_up("epoll_ctl failed");
  }
  void forget(int socket) { ::epoll_ctl(epoll_, EPOLL_CTL_DEL, socket, nullptr); }

  // Waits for bytes or for the time, and calls on_ready(void* owner) for some of the sockets that
  // have bytes.
  template <typename OnReady>
  void wait_until(std::int64_t time_ns, OnReady&& on_ready) {
    const std::int64_t left = std::clamp<std::int64_t>(time_ns - now_ns(), 0, second_ns / 10);
    const timespec limit{0, left};
    epoll_event events[events_per_wait];
    const int count = ::epoll_pwait2(epoll_, events, events_per_wait, &limit, nullptr);
    for (int i = 0; i < count; ++i) on_ready(events[i].data.ptr);
  }

 private:
  static constexpr int events_per_wait = 128;  // between two looks at the clock

  int epoll_;
};

}  // namespace starling::bench
