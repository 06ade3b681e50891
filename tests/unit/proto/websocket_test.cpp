#include "proto/websocket.hpp"
#include "proto/utf8.hpp"

#include <gtest/gtest.h>
#include <wslay/wslay.h>

#include <random>

#include "client_frame.hpp"

namespace starling::proto {
namespace {

// Writes down what a reader says.
class Recorder final : public MessageSink {
 public:
  bool on_message(Opcode kind, std::string_view payload) override {
    heard.push_back((kind == Opcode::text ? "text:" : "binary:") + std::string{payload});
    return heard.size() != stop_after;
  }
  bool on_ping(std::string_view payload) override {
    heard.push_back("ping:" + std::string{payload});
    return heard.size() != stop_after;
  }
  bool on_pong(std::string_view payload) override {
    heard.push_back("pong:" + std::string{payload});
    return heard.size() != stop_after;
  }
  void on_close(CloseCode code, std::string_view reason) override {
    heard.push_back("close:" + std::to_string(static_cast<unsigned>(code)) + std::string{reason});
  }

  std::vector<std::string> heard;
  std::size_t stop_after = 0;
};

struct Verdict {
  std::vector<std::string> heard;
  CloseCode failure = CloseCode::no_status;
  bool operator==(const Verdict&) const = default;
};

const MessageLimits limits{1'000, 5, true};

Verdict read(std::string_view stream, const std::vector<std::size_t>& cuts,
             const MessageLimits& used = limits) {
  MessageReaderPool pool;
  MessageReader reader;
  Recorder recorder;
  Verdict verdict;
  std::size_t at = 0;
  std::vector<std::size_t> ends = cuts;
  ends.push_back(stream.size());
  for (const std::size_t end : ends) {
    const std::string_view piece = stream.substr(at, end - at);
    at = end;
    const auto outcome = reader.feed(std::as_bytes(std::span{piece}), used, pool, recorder);
    verdict.failure = outcome.failure;
    if (outcome.failure != CloseCode::no_status || outcome.closed) break;
  }
  verdict.heard = recorder.heard;
  return verdict;
}

void expect_everywhere(std::string_view stream, const Verdict& expected, const char* what) {
  const Verdict whole = read(stream, {});
  EXPECT_EQ(whole.heard, expected.heard) << what;
  EXPECT_EQ(whole.failure, expected.failure) << what;
  std::vector<std::size_t> every;
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    EXPECT_EQ(read(stream, {cut}), whole) << what << " cut at " << cut;
    every.push_back(cut);
  }
  EXPECT_EQ(read(stream, every), whole) << what << " byte by byte";
}

TEST(MessageReaderTest, messages_fragments_and_control_frames_however_they_are_cut) {
  expect_everywhere(client_frame(1, "hello") + client_frame(2, "") + client_frame(1, "grüße"),
                    {{"text:hello", "binary:", "text:grüße"}, CloseCode::no_status}, "plain");
  expect_everywhere(client_frame(1, "a", {.fin = false}) + client_frame(9, "p") +
                        client_frame(0, "\xc3", {.fin = false}) + client_frame(10, "") +
                        client_frame(0, "\xbc"),
                    {{"ping:p", "pong:", "text:aü"}, CloseCode::no_status}, "fragments");
  expect_everywhere(client_frame(2, std::string(300, 'x')),
                    {{"binary:" + std::string(300, 'x')}, CloseCode::no_status}, "two-byte length");
  expect_everywhere(client_frame(8,
                                 "\x03\xe8"
                                 "bye") +
                        client_frame(1, "ignored"),
                    {{"close:1000bye"}, CloseCode::no_status}, "close");
}

TEST(MessageReaderTest, breaches_fail_with_their_code_however_they_are_cut) {
  const auto fails = [](std::string_view stream, CloseCode code, const char* what,
                        std::vector<std::string> heard = {}) {
    expect_everywhere(stream, {std::move(heard), code}, what);
  };
  const CloseCode protocol = CloseCode::protocol_error;
  fails(client_frame(1, "x", {.mask = false}), protocol, "unmasked");
  fails(client_frame(1, "x", {.rsv = 4}), protocol, "RSV1");
  fails(client_frame(1, "x", {.rsv = 1}), protocol, "RSV3");
  fails(client_frame(5, "x"), protocol, "opcode 5");
  fails(client_frame(0, "x"), protocol, "lone continuation");
  fails(client_frame(1, "x", {.fin = false}) + client_frame(2, "y"), protocol, "nested");
  fails(client_frame(9, "x", {.fin = false}), protocol, "fragmented ping");
  fails(client_frame(10, std::string(126, 'x')), protocol, "long pong");
  fails(client_frame(8, "x"), protocol, "short close");
  fails(client_frame(8, "\x03\xee"), protocol, "close 1006");
  fails(client_frame(8, "\x03\xe8\xff"), CloseCode::invalid_payload, "close reason");
  fails(client_frame(1, "ok") + client_frame(1, "\xff"), CloseCode::invalid_payload, "UTF-8",
        {"text:ok"});
  fails(client_frame(1, "\xe2\x82"), CloseCode::invalid_payload, "cut character");
  fails(client_frame(1, "\xed\xa0\x80"), CloseCode::invalid_payload, "surrogate");
  fails(client_frame(1, "\xf4\x90\x80\x80"), CloseCode::invalid_payload, "above U+10FFFF");
  fails(client_frame(2, std::string(1'001, 'x')), CloseCode::too_big, "too big");
  fails(client_frame(2, std::string(600, 'x'), {.fin = false}) +
            client_frame(0, std::string(600, 'x')),
        CloseCode::too_big, "too big in fragments");
  std::string many = client_frame(1, "a", {.fin = false});
  for (int i = 0; i < 5; ++i) many += client_frame(0, "a", {.fin = false});
  fails(many, CloseCode::policy, "too many fragments");
}

TEST(MessageReaderTest, binary_can_be_refused) {
  EXPECT_EQ(read(client_frame(2, "x"), {}, {1'000, 5, false}).failure, CloseCode::unsupported_data);
}

TEST(MessageReaderTest, utf8_fails_at_the_first_bad_piece) {
  const std::string frame = client_frame(1, "ab\xff" + std::string(500, 'c'));
  EXPECT_EQ(read(frame.substr(0, 12), {}).failure, CloseCode::invalid_payload);
  // A byte that can begin no character fails at once, one that can does not.
  const std::string overlong = client_frame(1, "\xe0\x80" + std::string(500, 'c'));
  EXPECT_EQ(read(overlong.substr(0, 10), {}).failure, CloseCode::invalid_payload);
  const std::string fine = client_frame(1, "\xe0\xa0\x80" + std::string(500, 'c'));
  EXPECT_EQ(read(fine.substr(0, 10), {}).failure, CloseCode::no_status);
}

TEST(MessageReaderTest, an_idle_reader_owns_nothing) {
  MessageReaderPool pool;
  MessageReader reader;
  Recorder recorder;
  const std::string frame = client_frame(1, "hello");
  const auto feed = [&](std::string_view text) {
    reader.feed(std::as_bytes(std::span{text}), limits, pool, recorder);
  };
  feed(frame);
  EXPECT_FALSE(reader.incomplete());
  feed(std::string_view{frame}.substr(0, 1));
  EXPECT_TRUE(reader.incomplete());
  feed(std::string_view{frame}.substr(1));
  EXPECT_FALSE(reader.incomplete());
  EXPECT_EQ(recorder.heard.size(), 2u);
  static_assert(sizeof(MessageReader) == sizeof(void*));
}

TEST(MessageReaderTest, a_sink_that_stops_reads_the_rest_later) {
  const std::vector<std::string> all{"text:one", "ping:p", "pong:q", "text:two"};
  const std::string stream = client_frame(1, "one") + client_frame(1, "tw", {.fin = false}) +
                             client_frame(9, "p") + client_frame(10, "q") + client_frame(0, "o");
  for (std::size_t stop = 1; stop <= all.size(); ++stop) {
    MessageReaderPool pool;
    MessageReader reader;
    Recorder recorder;
    recorder.stop_after = stop;
    const auto outcome = reader.feed(std::as_bytes(std::span{stream}), limits, pool, recorder);
    EXPECT_EQ(recorder.heard, (std::vector<std::string>{
                                  all.begin(), all.begin() + static_cast<std::ptrdiff_t>(stop)}));
    const std::string rest = stream.substr(outcome.consumed);
    reader.feed(std::as_bytes(std::span{rest}), limits, pool, recorder);
    EXPECT_EQ(recorder.heard, all);
  }
}

// wslay's event layer reads the same stream; where it closes, so do we, and the other way round,
// but for what is named below.
struct Oracle {
  std::string_view input;
  std::vector<std::string> heard;

  static ssize_t receive(wslay_event_context_ptr context, std::uint8_t* into, size_t room, int,
                         void* self) {
    auto& oracle = *static_cast<Oracle*>(self);
    const std::size_t count = std::min(room, oracle.input.size());
    if (count == 0) {
      wslay_event_set_error(context, WSLAY_ERR_WOULDBLOCK);
      return -1;
    }
    oracle.input.copy(reinterpret_cast<char*>(into), count);
    oracle.input.remove_prefix(count);
    return static_cast<ssize_t>(count);
  }
  static void message(wslay_event_context_ptr, const wslay_event_on_msg_recv_arg* message,
                      void* self) {
    auto& oracle = *static_cast<Oracle*>(self);
    const std::string text{reinterpret_cast<const char*>(message->msg), message->msg_length};
    if (message->opcode == 1) oracle.heard.push_back("text:" + text);
    if (message->opcode == 2) oracle.heard.push_back("binary:" + text);
  }
};

TEST(MessageReaderTest, agrees_with_another_implementation_on_messages) {
  std::mt19937 random{11};
  for (int round = 0; round < 3'000; ++round) {
    std::string stream;
    for (std::size_t frames = random() % 6 + 1; frames > 0; --frames) {
      constexpr unsigned opcodes[] = {0, 1, 1, 2, 2, 9, 10};
      std::string payload(random() % 40, '\0');
      for (char& c : payload) c = static_cast<char>(random() % 96 + 32);
      stream +=
          client_frame(opcodes[random() % std::size(opcodes)], payload, {.fin = random() % 3 != 0});
    }
    if (random() % 2 == 0)
      stream[random() % stream.size()] ^= static_cast<char>(1u << random() % 8);

    Oracle oracle{stream, {}};
    wslay_event_callbacks callbacks{};
    callbacks.recv_callback = &Oracle::receive;
    callbacks.on_msg_recv_callback = &Oracle::message;
    wslay_event_context_ptr context = nullptr;
    ASSERT_EQ(wslay_event_context_server_init(&context, &callbacks, &oracle), 0);
    wslay_event_config_set_max_recv_msg_length(context, limits.message_bytes);
    while (wslay_event_get_read_enabled(context) && !oracle.input.empty()) {
      if (wslay_event_recv(context) != 0) break;
    }
    wslay_event_context_free(context);

    Verdict verdict = read(stream, {}, {limits.message_bytes, 0, true});
    std::erase_if(verdict.heard, [](const std::string& heard) {
      return !heard.starts_with("text:") && !heard.starts_with("binary:");
    });
    ASSERT_EQ(verdict.heard, oracle.heard) << "round " << round;
  }
}

TEST(ServerFrameTest, headers_have_the_shortest_form) {
  for (const std::size_t size : {0u, 125u, 126u, 65'535u, 65'536u}) {
    std::string frame;
    append_frame(frame, Opcode::text, std::string(size, 'x'));
    const std::size_t header = size < 126 ? 2 : size < 65'536 ? 4 : 10;
    EXPECT_EQ(frame.size(), header + size);
    EXPECT_EQ(static_cast<unsigned char>(frame[0]), 0x81);
  }
}

TEST(ServerFrameTest, a_close_reason_is_cut_at_a_character) {
  std::string frame;
  std::string reason;
  for (int i = 0; i < 100; ++i) reason += "ü";
  append_close_frame(frame, CloseCode::going_away, reason);
  EXPECT_EQ(frame.size(), 2u + 2u + 122u);
}

TEST(Utf8CheckTest, a_byte_that_nothing_can_complete_fails_at_once) {
  for (const char* cut : {"\xc0", "\xc1", "\xf5", "\xff", "\xe0\x80", "\xed\xa0", "\xf4\x90"}) {
    Utf8Check check;
    EXPECT_FALSE(check.take(cut)) << static_cast<int>(static_cast<unsigned char>(cut[0]));
  }
}

}  // namespace
}  // namespace starling::proto
