// What readers hold when nothing is incomplete any more: nothing of what was large.
#include <gtest/gtest.h>
#include <malloc.h>

#include <string>
#include <vector>

#include "base/renew.hpp"
#include "client_frame.hpp"
#include "proto/deflate.hpp"
#include "proto/http.hpp"
#include "proto/websocket.hpp"

namespace starling::proto {
namespace {

constexpr std::size_t large = 4 << 20;
constexpr std::size_t kept = 256 * 1024;  // far less than `large`, and more than bookkeeping

// Bytes that are allocated; always 0 under a sanitizer, which has an allocator of its own.
std::size_t allocated() {
  const auto facts = ::mallinfo2();
  return facts.uordblks + facts.hblkhd;
}

struct Nobody final : MessageSink {
  bool on_message(Opcode, std::string_view) override { return ++messages, true; }
  bool on_ping(std::string_view) override { return true; }
  bool on_pong(std::string_view) override { return true; }
  void on_close(CloseCode, std::string_view) override {}
  unsigned messages = 0;
};

class KeptTest : public testing::Test {
 protected:
  CloseCode feed(const std::string& stream) {
    MessageReader reader;
    auto outcome = reader.feed(std::as_bytes(std::span{stream}), limits, pool, sink);
    while (outcome.unfinished) outcome = reader.feed({}, limits, pool, sink);
    return outcome.failure;
  }

  MessageReaderPool pool;
  Nobody sink;
  MessageLimits limits{large, 0, true, true};
};

TEST(RenewTest, what_was_allocated_is_given_back) {
  std::string text(large, 'x');
  std::vector<int> numbers(large);
  base::renew(text);
  base::renew(numbers);
  EXPECT_LT(text.capacity(), kept);
  EXPECT_EQ(numbers.capacity(), 0u);
}

TEST_F(KeptTest, a_large_message_in_parts_leaves_nothing) {
  std::string stream;
  for (int part = 0; part < 4; ++part) {
    stream += client_frame(part == 0 ? 2 : 0, std::string(large / 4, 'x'), {.fin = part == 3});
  }
  const std::size_t before = allocated();
  EXPECT_EQ(feed(stream), CloseCode::no_status);
  EXPECT_EQ(sink.messages, 1u);
  EXPECT_LT(allocated(), before + kept);
}

TEST_F(KeptTest, whatever_comes_of_a_deflated_message_it_leaves_nothing) {
  const auto deflated = [](const std::string& text, unsigned opcode) {
    return client_frame(opcode, Deflater{}.deflate(text, 15), {.rsv = 4});
  };
  EXPECT_EQ(feed(deflated("small", 2)), CloseCode::no_status);  // what any first one leaves
  const std::string fits = deflated(std::string(large, 'x'), 2);
  const std::string bomb = deflated(std::string(large + 1, 'x'), 2);
  const std::string not_text = deflated(std::string(large, '\xff'), 1);
  const std::size_t before = allocated();
  EXPECT_EQ(feed(fits), CloseCode::no_status);
  EXPECT_LT(allocated(), before + kept) << "that fits";
  EXPECT_EQ(feed(bomb), CloseCode::too_big);
  EXPECT_LT(allocated(), before + kept) << "that is too big";
  EXPECT_EQ(feed(not_text), CloseCode::invalid_payload);
  EXPECT_LT(allocated(), before + kept) << "that is no text";
}

TEST_F(KeptTest, a_connection_between_two_requests_holds_no_body) {
  HttpReader reader{large};
  const std::string head =
      "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(large) + "\r\n\r\n";
  const std::string body(large, 'x');
  const std::size_t before = allocated();
  reader.feed(std::as_bytes(std::span{head}));
  reader.feed(std::as_bytes(std::span{body}));
  ASSERT_EQ(reader.state(), HttpReader::State::complete);
  EXPECT_EQ(reader.request().body.size(), large);
  reader.next();
  EXPECT_LT(allocated(), before + kept);
}

}  // namespace
}  // namespace starling::proto
