#include "frames.hpp"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "proto/websocket.hpp"

namespace starling::bench {
namespace {

using Frames = std::vector<std::pair<unsigned, std::string>>;

// What the server writes, with a payload of each form of length.
std::string stream_of(const Frames& frames) {
  std::string stream;
  for (const auto& [opcode, payload] : frames) {
    proto::append_frame(stream, static_cast<proto::Opcode>(opcode), payload);
  }
  return stream;
}

TEST(FramesTest, whole_frames_are_read_wherever_the_stream_is_cut) {
  const Frames sent{{opcode_text, ""},
                    {opcode_text, std::string(125, 'a')},
                    {opcode_ping, "p"},
                    {opcode_text, std::string(126, 'b')},
                    {opcode_text, std::string(65'536, 'c')},
                    {opcode_close, "\x03\xe8"}};
  const std::string stream = stream_of(sent);
  for (std::size_t cut = 0; cut <= stream.size(); cut += cut < 300 ? 1 : 997) {
    Frames got;
    const auto keep = [&](unsigned opcode, std::string_view payload) {
      got.emplace_back(opcode, payload);
    };
    const std::string_view whole{stream};
    const std::size_t taken = take_frames(whole.substr(0, cut), keep);
    ASSERT_LE(taken, cut);
    ASSERT_EQ(taken + take_frames(whole.substr(taken), keep), stream.size());
    ASSERT_EQ(got, sent) << cut;
  }
}

}  // namespace
}  // namespace starling::bench
