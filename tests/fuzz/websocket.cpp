// A stream of frames: the same messages and the same verdict however it is cut.
#include <simdjson.h>

#include "input.hpp"
#include "proto/websocket.hpp"

namespace starling::fuzz {
namespace {

using proto::CloseCode;
using proto::Opcode;

class Listener final : public proto::MessageSink {
 public:
  explicit Listener(const proto::MessageLimits& limits) : limits_(limits) {}

  bool on_message(Opcode kind, std::string_view payload) override {
    require(payload.size() <= limits_.message_bytes, "a message is bounded");
    require(kind == Opcode::text || limits_.binary, "binary only where it is allowed");
    require(kind != Opcode::text || simdjson::validate_utf8(payload.data(), payload.size()),
            "text is UTF-8");
    say(kind == Opcode::text ? "text " : "binary ", payload);
    return ++heard_frames_ % 3 != 0;
  }
  bool on_ping(std::string_view payload) override {
    say("ping ", payload);
    return ++heard_frames_ % 3 != 0;
  }
  bool on_pong(std::string_view payload) override {
    say("pong ", payload);
    return ++heard_frames_ % 3 != 0;
  }
  void on_close(CloseCode code, std::string_view reason) override {
    say("close " + std::to_string(static_cast<unsigned>(code)), reason);
  }

  std::string heard;

 private:
  void say(std::string_view what, std::string_view payload) {
    heard.append(what).append(payload).append("\n");
  }

  const proto::MessageLimits& limits_;
  unsigned heard_frames_ = 0;
};

std::string read(std::string_view stream, unsigned seed, const proto::MessageLimits& limits) {
  proto::MessageReaderPool pool{1};
  proto::MessageReader reader;
  Listener listener{limits};
  for (std::string_view piece : pieces_of(stream, seed)) {
    // A sink that stopped it is asked again until all is read.
    for (;;) {
      const std::size_t before = listener.heard.size();
      const auto outcome = reader.feed(as_bytes(piece), limits, pool, listener);
      if (outcome.failure != CloseCode::no_status) {
        listener.heard += "failed " + std::to_string(static_cast<unsigned>(outcome.failure));
        return listener.heard;
      }
      if (outcome.closed) return listener.heard;
      piece.remove_prefix(outcome.consumed);
      if (piece.empty() && (!reader.incomplete() || listener.heard.size() == before)) break;
    }
  }
  return listener.heard;
}

}  // namespace
}  // namespace starling::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling::fuzz;
  Input input{data, size};
  const unsigned seed = input.byte();
  const unsigned flags = input.byte();
  const starling::proto::MessageLimits limits{1'000, 8, (flags & 1u) != 0, (flags & 2u) != 0};
  require(read(input.rest(), seed, limits) == read(input.rest(), 0, limits),
          "one verdict wherever the bytes are cut");
  return 0;
}
