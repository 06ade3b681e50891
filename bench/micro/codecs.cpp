// Bytes to values and back: what a shard does with what a client sends, and the writer with what
// it has committed.
#include <benchmark/benchmark.h>

#include <span>
#include <string>

#include "api/ws_protocol.hpp"
#include "proto/http.hpp"
#include "proto/json_reader.hpp"
#include "proto/websocket.hpp"
#include "samples.hpp"

namespace starling::bench {
namespace {

constexpr std::size_t max_body_bytes = 256 * 1024;

// A browser's upgrade request.
void http_head(benchmark::State& state) {
  const std::string head =
      "GET /ws HTTP/1.1\r\nHost: chat.example.org\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; "
      "rv:128.0) Gecko/20100101 Firefox/128.0\r\nAccept: */*\r\nAccept-Language: en-US,en;q=0.5\r\n"
      "Accept-Encoding: gzip, deflate, br\r\nSec-WebSocket-Version: 13\r\n"
      "Origin: https://chat.example.org\r\nSec-WebSocket-Protocol: starling.v1\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nConnection: keep-alive, Upgrade\r\n"
      "Cookie: starling=eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl\r\n"
      "Upgrade: websocket\r\n\r\n";
  proto::HttpReader reader{max_body_bytes};
  for (auto _ : state) {
    reader.feed(std::as_bytes(std::span{head}));
    if (reader.state() != proto::HttpReader::State::complete) {
      state.SkipWithError("the head was not read");
      break;
    }
    benchmark::DoNotOptimize(reader.request());
    reader.next();
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * head.size()));
}
BENCHMARK(http_head);

struct Counter final : proto::MessageSink {
  bool on_message(proto::Opcode, std::string_view payload) override {
    benchmark::DoNotOptimize(payload.data());
    ++messages;
    return true;
  }
  bool on_ping(std::string_view) override { return true; }
  bool on_pong(std::string_view) override { return true; }
  void on_close(proto::CloseCode, std::string_view) override {}

  std::int64_t messages = 0;
};

// As many masked frames as one receive brought.
void websocket_frames(benchmark::State& state) {
  std::string stream;
  for (int i = 0; i < state.range(0); ++i) stream += sample_frame(sample_command());
  proto::MessageReaderPool pool;
  proto::MessageReader reader;
  Counter counter;
  for (auto _ : state) {
    const auto outcome = reader.feed(std::as_bytes(std::span{stream}), {}, pool, counter);
    if (outcome.consumed != stream.size()) {
      state.SkipWithError("the frames were not read");
      break;
    }
  }
  state.SetItemsProcessed(counter.messages);
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * stream.size()));
}
BENCHMARK(websocket_frames)->Arg(1)->Arg(64);

void json_command(benchmark::State& state) {
  const std::string text = sample_command();
  proto::JsonReader reader{max_body_bytes};
  for (auto _ : state) {
    auto command = api::parse_command(reader, text);
    if (!command) {
      state.SkipWithError("the command was not read");
      break;
    }
    benchmark::DoNotOptimize(command);
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(json_command);

void encode_event(benchmark::State& state) {
  const api::FrameEncoder encoder;
  const chat::Event event = sample_event(17);
  std::string frames;
  for (auto _ : state) {
    frames.clear();
    encoder.append_frame(event, frames);
    benchmark::DoNotOptimize(frames.data());
  }
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * frames.size()));
}
BENCHMARK(encode_event);

}  // namespace
}  // namespace starling::bench
