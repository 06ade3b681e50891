// MemoryWatch: how much memory the process has, and what the server gives up because of it.
//
// Looks once a second, and whenever a shard has received much since: a look reads one line of
// /proc. Where something has been given up it also asks the allocator to return what is free
// (malloc_trim(3)), or the process would look full long after it was. Lives on the main thread.
#pragma once

#include <cstddef>
#include <optional>

#include "base/time.hpp"
#include "chat/memory_ladder.hpp"
#include "io/wake.hpp"
#include "starling/config.hpp"

namespace starling::server {

// limits.memory_bytes; where that is 0, three quarters of what the machine or the control group
// (memory.max of cgroup v2) allows.
std::size_t memory_ceiling(const Config& config);

// Before the first thread: what is large goes back to the kernel when it is freed. By itself glibc
// learns from the first such block to keep the next ones, up to 64 MB in each thread's arena
// (mallopt(3), M_MMAP_THRESHOLD).
void give_back_large_blocks();

class MemoryWatch {
 public:
  MemoryWatch(chat::MemoryLadder& ladder, io::Wake wake);
  ~MemoryWatch();
  MemoryWatch(const MemoryWatch&) = delete;
  MemoryWatch& operator=(const MemoryWatch&) = delete;

  // Looks, and logs a change with its cause and cure.
  void look(base::Instant now);

  // Any thread: wants a look soon. After prepare_wait() that makes descriptor() readable, until
  // end_wait().
  void ask() { wake_.notify(); }
  void prepare_wait() { wake_.prepare_sleep(); }
  int descriptor() const { return wake_.descriptor(); }
  void end_wait();

 private:
  std::optional<std::size_t> resident() const;
  void say(std::size_t used_bytes, unsigned before) const;

  chat::MemoryLadder& ladder_;
  io::Wake wake_;
  const int statm_;  // kept open: descriptors may be short, too
  base::Instant trimmed_{};
};

}  // namespace starling::server
