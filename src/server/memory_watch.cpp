#include "server/memory_watch.hpp"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <utility>

#include "base/log.hpp"

namespace starling::server {
namespace {

constexpr base::Duration between_trims =
    std::chrono::milliseconds{250};  // they hold the heap's locks

constexpr int large_block_bytes = 1 << 20;  // above what any message of the chat needs
constexpr int kept_free_bytes = 4 << 20;    // at the end of each arena

std::size_t page_bytes() { return static_cast<std::size_t>(::sysconf(_SC_PAGESIZE)); }

// The tightest memory.max from the process's own control group up to the root.
std::size_t control_group_bytes() {
  std::ifstream own{"/proc/self/cgroup"};
  std::size_t least = SIZE_MAX;
  for (std::string line; std::getline(own, line);) {
    if (!line.starts_with("0::")) continue;  // of cgroup v2
    std::string group = line.substr(3);
    for (;;) {
      std::ifstream file{"/sys/fs/cgroup" + group + "/memory.max"};
      std::size_t bytes = 0;
      if (file >> bytes) least = std::min(least, bytes);  // "max" is no number
      const std::size_t last = group.rfind('/');
      if (last == std::string::npos) break;
      group.erase(last);
    }
  }
  return least;
}

std::string mebibytes(std::size_t bytes) { return std::to_string(bytes >> 20) + " MiB"; }

const char* what_goes(chat::Service service) {
  switch (service) {
    case chat::Service::typing:
      return "typing marks are not passed on";
    case chat::Service::names:
      return "who comes and goes is told later, only how many are there is told now";
    case chat::Service::history:
      return "history and lists are refused";
    case chat::Service::joins:
      return "rooms cannot be entered, users not made";
    case chat::Service::connections:
      return "new connections are closed, and those that hold half of a large message";
    case chat::Service::messages:
      return "messages are refused";
  }
  return "";
}

}  // namespace

std::size_t memory_ceiling(const Config& config) {
  if (config.limits.memory_bytes != 0) return config.limits.memory_bytes;
  const auto pages = static_cast<std::size_t>(::sysconf(_SC_PHYS_PAGES));
  return std::min(pages * page_bytes(), control_group_bytes()) / 4 * 3;
}

void give_back_large_blocks() {
  ::mallopt(M_MMAP_THRESHOLD, large_block_bytes);
  ::mallopt(M_TRIM_THRESHOLD, kept_free_bytes);
}

MemoryWatch::MemoryWatch(chat::MemoryLadder& ladder, io::Wake wake)
    : ladder_(ladder),
      wake_(std::move(wake)),
      statm_(::open("/proc/self/statm", O_RDONLY | O_CLOEXEC)) {}

MemoryWatch::~MemoryWatch() {
  if (statm_ >= 0) ::close(statm_);
}

// In bytes; nothing where it cannot be told.
std::optional<std::size_t> MemoryWatch::resident() const {
  char text[64]{};
  if (::pread(statm_, text, sizeof text - 1, 0) <= 0) return std::nullopt;
  std::size_t pages = 0;
  if (std::sscanf(text, "%*u %zu", &pages) != 1) return std::nullopt;
  return pages * page_bytes();
}

void MemoryWatch::look(base::Instant now) {
  const unsigned before = ladder_.step();
  if (before > 0 && now - trimmed_ >= between_trims) {
    trimmed_ = now;
    ::malloc_trim(0);
  }
  const std::optional<std::size_t> used = resident();
  if (used && ladder_.measured(*used, now)) say(*used, before);
}

void MemoryWatch::end_wait() {
  wake_.awake();
  wake_.wait(base::Duration::zero());
}

void MemoryWatch::say(std::size_t used_bytes, unsigned before) const {
  const unsigned step = ladder_.step();
  if (step > before) {
    base::log(base::LogLevel::warning,
              std::string{"memory is short: "} + what_goes(static_cast<chat::Service>(step - 1)),
              {{"used", mebibytes(used_bytes)},
               {"ceiling", mebibytes(ladder_.ceiling_bytes())},
               {"step", std::to_string(step)},
               {"cure",
                "raise limits.memory_bytes, or lower limits.connections and "
                "limits.shard_buffer_bytes"}});
    return;
  }
  base::log(base::LogLevel::info,
            step == 0 ? "memory is no longer short" : "memory is less short than it was",
            {{"used", mebibytes(used_bytes)}, {"step", std::to_string(step)}});
}

}  // namespace starling::server
