// What a fuzzer gives: a few numbers first, then text; and what ends it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace starling::fuzz {

// A rule was broken: the fuzzer keeps the input.
inline void require(bool holds, const char* rule) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", rule);
  std::abort();
}

class Input {
 public:
  Input(const std::uint8_t* data, std::size_t size)
      : rest_(reinterpret_cast<const char*>(data), size) {}

  // 0 where nothing is left.
  unsigned byte() {
    if (rest_.empty()) return 0;
    const auto first = static_cast<unsigned char>(rest_.front());
    rest_.remove_prefix(1);
    return first;
  }
  std::string_view rest() const { return rest_; }

 private:
  std::string_view rest_;
};

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return std::as_bytes(std::span{text});
}

// Cuts text into pieces whose sizes follow from a seed: 0 leaves it whole, 1 cuts at every byte.
inline std::vector<std::string_view> pieces_of(std::string_view text, unsigned seed) {
  if (seed == 0) return {text};
  std::vector<std::string_view> pieces;
  std::uint32_t state = seed;
  while (!text.empty()) {
    state = state * 1'664'525u + 1'013'904'223u;
    const std::size_t wanted = seed == 1 ? 1 : 1 + (state >> 24) % 23;
    const std::size_t size = std::min<std::size_t>(text.size(), wanted);
    pieces.push_back(text.substr(0, size));
    text.remove_prefix(size);
  }
  return pieces;
}

}  // namespace starling::fuzz
