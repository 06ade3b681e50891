// The frames of a WebSocket server (RFC 6455, section 5.2), read where they lie.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace starling::bench {

inline constexpr unsigned opcode_text = 1;
inline constexpr unsigned opcode_binary = 2;
inline constexpr unsigned opcode_close = 8;
inline constexpr unsigned opcode_ping = 9;

// Calls on_frame(unsigned opcode, std::string_view payload) for every whole frame at the beginning
// of `bytes`, and returns how many bytes these are. Server frames are not masked; fragments come
// as the frames they are.
template <typename OnFrame>
std::size_t take_frames(std::string_view bytes, OnFrame&& on_frame) {
  std::size_t taken = 0;
  const auto at = [&](std::size_t i) { return static_cast<unsigned char>(bytes[taken + i]); };
  while (bytes.size() - taken >= 2) {
    std::size_t size = at(1) & 0x7fu;
    std::size_t header = 2;
    if (size >= 126) {
      header = size == 126 ? 4 : 10;
      if (bytes.size() - taken < header) break;
      size = 0;
      for (std::size_t i = 2; i < header; ++i) size = size << 8 | at(i);
    }
    if (bytes.size() - taken - header < size) break;
    on_frame(at(0) & 0x0fu, bytes.substr(taken + header, size));
    taken += header + size;
  }
  return taken;
}

}  // namespace starling::bench
