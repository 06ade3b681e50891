// What the benchmarks chew on: the messages of an ordinary chat.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "api/ws_protocol.hpp"
#include "chat/event.hpp"

namespace starling::bench {

inline constexpr std::string_view sample_text =
    "Does anybody know whether the meeting at three is still on? I may be a few minutes late.";

inline std::string sample_command() {
  return R"({"type":"chat_message","roomId":"general","clientMessageId":"c-000000017","content":")" +
         std::string{sample_text} + "\"}";
}

inline chat::Event sample_event(chat::Seq seq) {
  chat::Event event;
  event.id = 1'000 + seq;
  event.seq = seq;
  event.room = "general";
  event.sender = 42;
  event.sender_name = "margarete";
  event.content = sample_text;
  event.timestamp = 1'764'000'000'000;
  event.messages_before = seq - 1;
  return event;
}

// Events `first` to `first + count - 1` of one room, encoded as the writer does it.
inline chat::CommittedBatchRef sample_batch(chat::Seq first, std::size_t count) {
  const api::FrameEncoder encoder;
  auto batch = std::make_shared<chat::CommittedBatch>();
  for (chat::Seq seq = first; seq < first + count; ++seq) {
    chat::Event event = sample_event(seq);
    const std::size_t offset = batch->frames.size();
    encoder.append_frame(event, batch->frames);
    batch->add(std::move(event), offset);
  }
  return batch;
}

// One masked final text frame as a browser sends it; `payload` has 126 to 65,535 bytes.
inline std::string sample_frame(std::string_view payload) {
  constexpr std::array<unsigned char, 4> key{0x11, 0x92, 0x43, 0xf4};
  std::string frame{"\x81\xfe"};
  frame += static_cast<char>(payload.size() >> 8);
  frame += static_cast<char>(payload.size() & 0xff);
  frame.append(reinterpret_cast<const char*>(key.data()), key.size());
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(static_cast<unsigned char>(payload[i]) ^ key[i % key.size()]);
  }
  return frame;
}

}  // namespace starling::bench
