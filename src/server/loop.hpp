// Loop: a thread that turns something until it is told to stop and has nothing left to do.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <thread>

#include "base/time.hpp"
#include "server/crew.hpp"

namespace starling::server {

// `Worker` has turn() (false: there was nothing to do), wait(longest) and wake().
template <typename Worker>
class Loop {
 public:
  Loop(Worker& worker, const std::string& name)
      : worker_(worker), thread_([this, name] {
          name_thread(name);
          while (true) {
            turns_.fetch_add(1, std::memory_order_relaxed);
            const bool last = stopping_.load(std::memory_order_acquire);
            if (worker_.turn()) continue;
            if (last) return;
            worker_.wait(longest_wait);
          }
        }) {}
  ~Loop() {
    stopping_.store(true, std::memory_order_release);
    worker_.wake();
    thread_.join();
  }
  // Grows while the thread turns.
  const std::atomic<std::uint64_t>& turns() const { return turns_; }
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

 private:
  static constexpr base::Duration longest_wait = std::chrono::milliseconds{100};

  Worker& worker_;
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint64_t> turns_{0};
  std::thread thread_;
};

}  // namespace starling::server
