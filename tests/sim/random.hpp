// Random: everything that a run leaves to chance comes from one of these, so that a seed is a run.
#pragma once

#include <cstdint>

namespace starling::sim {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  // S. Vigna's splitmix64.
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  // From 0 to bound - 1.
  std::uint64_t below(std::uint64_t bound) { return bound == 0 ? 0 : next() % bound; }
  std::uint64_t between(std::uint64_t first, std::uint64_t last) {
    return first + below(last - first + 1);
  }
  bool permille(unsigned chance) { return below(1'000) < chance; }
  bool flip() { return (next() & 1) != 0; }

 private:
  std::uint64_t state_;
};

}  // namespace starling::sim
