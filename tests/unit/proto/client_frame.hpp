// Frames as clients send them.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace starling::proto {

struct FrameOptions {
  bool fin = true;
  bool mask = true;
  unsigned rsv = 0;
};

inline std::string client_frame(unsigned opcode, std::string_view payload,
                                FrameOptions options = {}) {
  std::string frame;
  frame += static_cast<char>((options.fin ? 0x80u : 0u) | options.rsv << 4 | opcode);
  const unsigned bit = options.mask ? 0x80u : 0u;
  if (payload.size() < 126) {
    frame += static_cast<char>(bit | payload.size());
  } else {
    const int bytes = payload.size() < 65'536 ? 2 : 8;
    frame += static_cast<char>(bit | (bytes == 2 ? 126u : 127u));
    for (int i = bytes - 1; i >= 0; --i) {
      frame += static_cast<char>(static_cast<std::uint64_t>(payload.size()) >> (8 * i));
    }
  }
  constexpr std::array<unsigned char, 4> key{0x11, 0x92, 0x43, 0xf4};
  if (options.mask) frame.append(reinterpret_cast<const char*>(key.data()), key.size());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += options.mask
                 ? static_cast<char>(static_cast<unsigned char>(payload[i]) ^ key[i % key.size()])
                 : payload[i];
  }
  return frame;
}

}  // namespace starling::proto
