#include "proto/deflate.hpp"

#include <gtest/gtest.h>

#include <random>

#include "client_frame.hpp"
#include "proto/websocket.hpp"

namespace starling::proto {
namespace {

using Result = Inflater::Result;

constexpr unsigned rsv1 = 4;

std::string random_text(std::mt19937& random, std::size_t size) {
  std::string text;
  while (text.size() < size) {
    // Some of it is new, some repeats what stands far or near behind.
    if (text.empty() || random() % 3 == 0) {
      text += static_cast<char>(random());
    } else {
      const std::size_t from = random() % text.size();
      text += text.substr(from, random() % 40 + 1);
    }
  }
  text.resize(size);
  return text;
}

TEST(DeflateTest, what_was_deflated_comes_back_with_every_window) {
  std::mt19937 random{3};
  Inflater inflater;
  Deflater deflater;
  for (int round = 0; round < 200; ++round) {
    const std::string text = random_text(random, random() % 100'000);
    std::string out;
    const std::string deflated = deflater.deflate(text, 8 + random() % 8);
    EXPECT_LE(deflated.size(), max_deflated_bytes(text.size()));
    ASSERT_EQ(inflater.inflate(deflated, text.size(), out), Result::whole) << round;
    ASSERT_EQ(out, text) << round;
  }
}

TEST(DeflateTest, an_empty_message_is_one_byte) {  // section 7.2.3.6
  EXPECT_EQ(Deflater{}.deflate("", 15), std::string(1, '\0'));
}

TEST(DeflateTest, what_comes_out_is_bounded) {
  Inflater inflater;
  Deflater deflater;
  std::string out;
  const std::string deflated = deflater.deflate(std::string(100'000, 'x'), 15);
  EXPECT_LT(deflated.size(), 1'000u);
  EXPECT_EQ(inflater.inflate(deflated, 100'000, out), Result::whole);
  EXPECT_EQ(inflater.inflate(deflated, 99'999, out), Result::too_big);
  EXPECT_EQ(inflater.inflate(deflated, 50'000, out), Result::too_big);
  EXPECT_EQ(inflater.inflate(deflated, 0, out), Result::too_big);
  std::mt19937 random{5};
  const std::string usual = deflater.deflate(random_text(random, 100'000), 15);
  EXPECT_EQ(inflater.inflate(usual, 50'000, out), Result::too_big);
  EXPECT_EQ(out.size(), 50'001u) << "it went on beyond the bound";
}

TEST(DeflateTest, nothing_is_remembered_between_messages) {
  Inflater inflater;
  Deflater deflater;
  std::string out;
  const std::string first = deflater.deflate("Hello", 15);
  EXPECT_EQ(deflater.deflate("Hello", 15), first);
  EXPECT_EQ(inflater.inflate(first, 100, out), Result::whole);
  // Four bytes back in a message that has not begun.
  EXPECT_EQ(inflater.inflate(std::string_view{"\x4a\x04\x22\x00\x00", 5}, 100, out),
            Result::malformed);
  EXPECT_EQ(inflater.inflate(first, 100, out), Result::whole);
  EXPECT_EQ(out, "Hello");
}

TEST(DeflateTest, a_message_that_is_cut_is_none) {
  Inflater inflater;
  Deflater deflater;
  std::string out;
  const std::string text = "Hello, hello, hello: hallo.";
  const std::string deflated = deflater.deflate(text, 15);
  for (std::size_t size = 0; size < deflated.size(); ++size) {
    const Result result = inflater.inflate(std::string_view{deflated}.substr(0, size), 1'000, out);
    EXPECT_TRUE(result == Result::malformed || out != text) << size;
  }
  EXPECT_EQ(inflater.inflate("", 1'000, out), Result::malformed);
}

// The verdict on a stream, whole and byte by byte.
std::string heard(std::string_view stream, const MessageLimits& limits, bool byte_by_byte) {
  class Listener final : public MessageSink {
   public:
    bool on_message(Opcode, std::string_view payload) override {
      heard.append("message:").append(payload).append(" ");
      return true;
    }
    void on_ping(std::string_view payload) override {
      heard.append("ping:").append(payload) += ' ';
    }
    void on_pong(std::string_view) override {}
    void on_close(CloseCode, std::string_view) override {}
    std::string heard;
  };
  Listener listener;
  MessageReaderPool pool;
  MessageReader reader;
  const std::size_t step = byte_by_byte ? 1 : stream.size();
  for (std::size_t at = 0; at < stream.size(); at += step) {
    const auto outcome =
        reader.feed(std::as_bytes(std::span{stream.substr(at, step)}), limits, pool, listener);
    if (outcome.failure != CloseCode::no_status) {
      return listener.heard + std::to_string(static_cast<unsigned>(outcome.failure));
    }
  }
  return listener.heard;
}

TEST(DeflateTest, of_a_bomb_little_is_kept_and_of_what_fits_all) {
  constexpr std::size_t size = 2 << 20;
  Inflater inflater;
  const std::string zeros(size, '\0');
  const std::string deflated = Deflater{}.deflate(zeros, 15);
  std::string out;
  EXPECT_EQ(inflater.inflate(deflated, size - 1, out), Result::too_big);
  EXPECT_LT(out.capacity(), size / 4);
  EXPECT_EQ(inflater.inflate(deflated, size, out), Result::whole);
  EXPECT_EQ(out, zeros);
}

TEST(DeflatedMessageTest, rsv1_marks_the_first_frame_of_data_and_nothing_else) {
  Deflater deflater;
  const std::string text = deflater.deflate("grüße", 15);
  const auto expect = [](const std::string& stream, const std::string& wanted,
                         bool is_agreed = true) {
    const MessageLimits limits{1'000, 100, true, is_agreed};
    EXPECT_EQ(heard(stream, limits, false), wanted);
    EXPECT_EQ(heard(stream, limits, true), wanted);
  };
  expect(client_frame(1, text, {.rsv = rsv1}) + client_frame(1, "plain"),
         "message:grüße message:plain ");
  expect(client_frame(2, text.substr(0, 3), {.fin = false, .rsv = rsv1}) + client_frame(9, "p") +
             client_frame(0, text.substr(3), {.fin = false}) + client_frame(0, ""),
         "ping:p message:grüße ");
  expect(client_frame(1, text, {.rsv = rsv1}), "1002", false);
  expect(client_frame(1, text, {.fin = false, .rsv = rsv1}) + client_frame(0, "", {.rsv = rsv1}),
         "1002");
  expect(client_frame(9, "", {.rsv = rsv1}), "1002");
  expect(client_frame(1, text, {.rsv = rsv1 | 1}), "1002");
}

TEST(DeflatedMessageTest, what_comes_out_is_held_to_the_rules_of_messages) {
  Deflater deflater;
  const MessageLimits limits{1'000, 100, true, true};
  const auto verdict = [&](std::string_view message, unsigned opcode) {
    return heard(client_frame(opcode, deflater.deflate(message, 15), {.rsv = rsv1}), limits, false);
  };
  EXPECT_EQ(verdict("a\xff", 1), "1007");
  EXPECT_EQ(verdict("a\xff", 2), "message:a\xff ");
  EXPECT_EQ(verdict(std::string(1'001, 'x'), 2), "1009");
  EXPECT_EQ(heard(client_frame(2, "\xff\xff", {.rsv = rsv1}), limits, false), "1007");
  // What is not compressed has no share in the overhead that is allowed to what is.
  EXPECT_EQ(heard(client_frame(2, std::string(1'001, 'x')), limits, false), "1009");
  EXPECT_EQ(heard(client_frame(2, std::string(max_deflated_bytes(1'000) + 1, 'x'), {.rsv = rsv1}),
                  limits, false),
            "1009");
}

}  // namespace
}  // namespace starling::proto
