#include "chat/memory_ladder.hpp"

#include <chrono>

namespace starling::chat {
namespace {

constexpr std::size_t percent = 100;
// Where each service goes, in percent of the ceiling; and how far below that it comes back.
constexpr std::array<std::size_t, services> begins{75, 80, 85, 90, 94, 97};
constexpr std::size_t slack = 4;
constexpr base::Duration rest = std::chrono::seconds{1};  // between two steps down

}  // namespace

std::string_view to_string(Service service) {
  constexpr std::array<std::string_view, services> names{"typing", "names",       "history",
                                                         "joins",  "connections", "messages"};
  return names[static_cast<std::size_t>(service)];
}

bool MemoryLadder::measured(std::size_t used_bytes, base::Instant now) {
  used_bytes_.store(used_bytes, std::memory_order_relaxed);
  if (ceiling_bytes_ == 0) return false;
  const std::size_t used = used_bytes / (ceiling_bytes_ / percent);  // in percent, rounded down
  const unsigned before = step();
  unsigned after = before;
  while (after < services && used >= begins[after]) ++after;
  if (after == before && before > 0 && used < begins[before - 1] - slack &&
      now - changed_ >= rest) {
    --after;
  }
  if (after == before) return false;
  changed_ = now;
  step_.store(after, std::memory_order_relaxed);
  return true;
}

bool MemoryLadder::refuses(Service service) {
  if (!gives_up(service)) return false;
  refused_[static_cast<std::size_t>(service)].fetch_add(1, std::memory_order_relaxed);
  return true;
}

}  // namespace starling::chat
