#include "proto/deflate.hpp"

#include <gtest/gtest.h>

#include <random>

#include "client_frame.hpp"
#include "inflate.hpp"
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
    const std::string deflated = deflater.deflate(text, 8 + random() % 8);
    EXPECT_LE(deflated.size(), max_deflated_bytes(text.size()));
    const Inflated inflated = inflate(inflater, deflated, text.size());
    ASSERT_EQ(inflated.result, Result::whole) << round;
    ASSERT_EQ(inflated.out, text) << round;
  }
}

TEST(DeflateTest, an_empty_message_is_one_byte) {  // section 7.2.3.6
  EXPECT_EQ(Deflater{}.deflate("", 15), std::string(1, '\0'));
}

TEST(DeflateTest, what_comes_out_is_bounded) {
  Inflater inflater;
  Deflater deflater;
  const std::string deflated = deflater.deflate(std::string(100'000, 'x'), 15);
  EXPECT_LT(deflated.size(), 1'000u);
  EXPECT_EQ(inflate(inflater, deflated, 100'000).result, Result::whole);
  EXPECT_EQ(inflate(inflater, deflated, 99'999).result, Result::too_big);
  EXPECT_EQ(inflate(inflater, deflated, 50'000).result, Result::too_big);
  EXPECT_EQ(inflate(inflater, deflated, 0).result, Result::too_big);
  std::mt19937 random{5};
  const std::string usual = deflater.deflate(random_text(random, 100'000), 15);
  const Inflated inflated = inflate(inflater, usual, 50'000);
  EXPECT_EQ(inflated.result, Result::too_big);
  EXPECT_EQ(inflated.out.size(), 50'001u) << "it went on beyond the bound";
}

TEST(DeflateTest, nothing_is_remembered_between_messages) {
  Inflater inflater;
  Deflater deflater;
  const std::string first = deflater.deflate("Hello", 15);
  EXPECT_EQ(deflater.deflate("Hello", 15), first);
  EXPECT_EQ(inflate(inflater, first, 100).result, Result::whole);
  // Four bytes back in a message that has not begun.
  EXPECT_EQ(inflate(inflater, std::string_view{"\x4a\x04\x22\x00\x00", 5}, 100).result,
            Result::malformed);
  EXPECT_EQ(inflate(inflater, first, 100).out, "Hello");
}

TEST(DeflateTest, a_message_that_is_cut_is_none) {
  Inflater inflater;
  Deflater deflater;
  const std::string text = "Hello, hello, hello: hallo.";
  const std::string deflated = deflater.deflate(text, 15);
  for (std::size_t size = 0; size < deflated.size(); ++size) {
    const Inflated cut = inflate(inflater, std::string_view{deflated}.substr(0, size), 1'000);
    EXPECT_TRUE(cut.result == Result::malformed || cut.out != text) << size;
  }
  EXPECT_EQ(inflate(inflater, "", 1'000).result, Result::malformed);
}

// The verdict on a stream, whole and byte by byte.
std::string heard(std::string_view stream, const MessageLimits& limits, bool byte_by_byte) {
  class Listener final : public MessageSink {
   public:
    bool on_message(Opcode, std::string_view payload) override {
      heard.append("message:").append(payload).append(" ");
      return true;
    }
    bool on_ping(std::string_view payload) override {
      heard.append("ping:").append(payload) += ' ';
      return true;
    }
    bool on_pong(std::string_view) override { return true; }
    void on_close(CloseCode, std::string_view) override {}
    std::string heard;
  };
  Listener listener;
  MessageReaderPool pool;
  MessageReader reader;
  const std::size_t step = byte_by_byte ? 1 : stream.size();
  for (std::size_t at = 0; at < stream.size(); at += step) {
    auto outcome =
        reader.feed(std::as_bytes(std::span{stream.substr(at, step)}), limits, pool, listener);
    while (outcome.unfinished) {
      const std::string_view rest = stream.substr(at, step).substr(outcome.consumed);
      const std::size_t before = outcome.consumed;
      outcome = reader.feed(std::as_bytes(std::span{rest}), limits, pool, listener);
      outcome.consumed += before;
    }
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
  Inflated inflated = inflate(inflater, deflated, size - 1);
  EXPECT_EQ(inflated.result, Result::too_big);
  EXPECT_LT(inflater.out().capacity(), size / 4);
  inflated = inflate(inflater, deflated, size);
  EXPECT_EQ(inflated.result, Result::whole);
  EXPECT_EQ(inflated.out, zeros);
  inflater.reset();
  EXPECT_LE(inflater.out().capacity(), 64u * 1024) << "a large one stays behind";
}

TEST(DeflateTest, a_slice_is_bounded_by_what_comes_out_and_by_what_is_read) {
  Inflater inflater;
  // Twice 32 slices of zeros: to measure them, and to keep them.
  const Inflated zeros =
      inflate(inflater, Deflater{}.deflate(std::string(2 << 20, '\0'), 15), 2 << 20);
  EXPECT_EQ(zeros.result, Result::whole);
  EXPECT_GE(zeros.slices, 64u);
  EXPECT_LE(zeros.slices, 70u);
  // Stored blocks of nothing, 160 KB of them.
  std::string nothing;
  for (int i = 0; i < 32'768; ++i) nothing += std::string_view{"\x00\x00\x00\xff\xff", 5};
  const Inflated empty = inflate(inflater, nothing + std::string(1, '\0'), 1'000);
  EXPECT_EQ(empty.result, Result::whole);
  EXPECT_EQ(empty.out, "");
  EXPECT_GE(empty.slices, 10u);
}

TEST(DeflateTest, text_is_checked_across_slices) {
  Inflater inflater;
  for (std::size_t before = 0; before < 4; ++before) {
    // Characters of three bytes are cut where slices, steps and passes end.
    std::string text(before, 'a');
    while (text.size() < 300'000) text += "\u20ac";
    const std::string deflated = Deflater{}.deflate(text, 15);
    const Inflated whole = inflate(inflater, deflated, 1 << 20, true);
    EXPECT_EQ(whole.result, Result::whole);
    EXPECT_EQ(whole.out, text);
    const std::string cut = Deflater{}.deflate(text.substr(0, text.size() - 1), 15);
    EXPECT_EQ(inflate(inflater, cut, 1 << 20, true).result, Result::not_text);
    EXPECT_EQ(inflate(inflater, cut, 1 << 20).result, Result::whole);
    text[200'000] = '\xff';
    const std::string wrong = Deflater{}.deflate(text, 15);
    EXPECT_EQ(inflate(inflater, wrong, 1 << 20, true).result, Result::not_text);
  }
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
