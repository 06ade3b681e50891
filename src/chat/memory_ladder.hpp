// MemoryLadder: what a server gives up, and in which order, as its memory comes near its ceiling.
//
//   75 % of the ceiling   typing       marks are not passed on
//   80 %                  names        rooms hear how many are there; who came and went, later
//   85 %                  history      pages and lists are refused
//   90 %                  joins        rooms are not entered, users not made
//   94 %                  connections  new ones are closed; so is who holds half of a large message
//   97 %                  messages     refused: what has been acknowledged is still delivered
//
// A step is taken at once and left a second at a time, once memory is 4 % below where it begins, so
// that a server at the edge does not change its mind with every measurement.
//
// One object for all threads of a server: one measures, all others read one number. Pure: time and
// what is used are passed in.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/time.hpp"

namespace starling::chat {

// In the order in which they go.
enum class Service : std::uint8_t { typing, names, history, joins, connections, messages };
inline constexpr std::size_t services = static_cast<std::size_t>(Service::messages) + 1;
std::string_view to_string(Service service);  // as metrics name it

class MemoryLadder {
 public:
  // 0: no ceiling, nothing is ever given up.
  explicit MemoryLadder(std::size_t ceiling_bytes) : ceiling_bytes_(ceiling_bytes) {}

  // ---- one thread
  // Takes the memory that the process has now, in bytes. Whether the step has changed.
  bool measured(std::size_t used_bytes, base::Instant now);

  // ---- any thread
  std::size_t ceiling_bytes() const { return ceiling_bytes_; }
  // Memory grows by what comes in: whoever has received so much since it was last measured asks for
  // another measurement.
  std::size_t measure_after_bytes() const {
    return ceiling_bytes_ == 0 ? SIZE_MAX : ceiling_bytes_ / 64;
  }
  std::size_t used_bytes() const { return used_bytes_.load(std::memory_order_relaxed); }
  // How many services are given up: 0 to 6.
  unsigned step() const { return step_.load(std::memory_order_relaxed); }
  bool gives_up(Service service) const { return step() > static_cast<unsigned>(service); }
  // The same, and counted where it is so.
  [[nodiscard]] bool refuses(Service service);
  std::uint64_t refused(Service service) const {
    return refused_[static_cast<std::size_t>(service)].load(std::memory_order_relaxed);
  }

 private:
  const std::size_t ceiling_bytes_;
  base::Instant changed_{};
  std::atomic<std::size_t> used_bytes_{0};  // as last measured
  std::atomic<unsigned> step_{0};
  std::array<std::atomic<std::uint64_t>, services> refused_{};
};

}  // namespace starling::chat
