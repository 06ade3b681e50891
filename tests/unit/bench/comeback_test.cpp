#include "comeback.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "frames.hpp"

namespace starling::bench {
namespace {

constexpr std::int64_t a_second = second_ns;
constexpr std::string_view welcome = R"({"type":"welcome","epoch":7})";
constexpr std::string_view busy =
    R"({"type":"error","code":"unavailable","message":"busy","retryable":true})";

// One member of a room, and the server that it finds: a listener that the test reads.
class ComebackTest : public testing::Test {
 protected:
  ComebackTest() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    EXPECT_EQ(::bind(listener_, generic, size), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    EXPECT_EQ(::getsockname(listener_, generic, &size), 0);
    member_.emplace(Address{ntohs(address.sin_port), "/ws", ""}, Origin{});
    room_.name = "r";
    member_->room = &room_;
    member_->user = "5";
    member_->seq = 3;
    accept();  // of before
  }

  ~ComebackTest() override {
    ::close(connection_);
    ::close(listener_);
  }

  // Its server dies, and is found again.
  void die_and_return() {
    comeback_.left(*member_);
    comeback_.turn(now_ns_ += a_second);
    accept();
  }

  bool hears(std::string_view payload) { return comeback_.heard(*member_, payload, now_ns_); }

  // How many times the member has asked to be let in since it was asked last.
  std::size_t questions() {
    char bytes[8'192];
    const ssize_t count = ::recv(connection_, bytes, sizeof bytes, MSG_DONTWAIT);
    const std::string_view text{bytes, static_cast<std::size_t>(std::max<ssize_t>(count, 0))};
    std::size_t found = 0;
    constexpr std::string_view question =
        R"({"type":"auth","userId":5,"resume":{"epoch":7,"rooms":{"r":3}}})";
    for (std::size_t at = text.find(question); at != std::string_view::npos;
         at = text.find(question, at + 1)) {
      ++found;
    }
    return found;
  }

  std::int64_t now_ns_ = now_ns();
  Poller poller_;
  Result result_;
  Comeback comeback_{poller_, result_};
  Room room_;
  std::optional<Member> member_;

 private:
  void accept() {
    if (connection_ >= 0) ::close(connection_);
    connection_ = ::accept(listener_, nullptr, nullptr);
  }

  int listener_;
  int connection_ = -1;
};

TEST_F(ComebackTest, who_was_away_resumes_and_is_back_with_the_last_that_was_missed) {
  die_and_return();
  EXPECT_FALSE(hears(welcome));
  EXPECT_EQ(questions(), 1u);
  EXPECT_FALSE(hears(R"({"type":"auth_success","userId":5,"rooms":[{"roomId":"r","headSeq":3}]})"));
  EXPECT_FALSE(hears(R"({"type":"room_joined","roomId":"r","headSeq":5})"));
  EXPECT_FALSE(hears(R"({"type":"chat_message","id":9,"seq":4})"));
  EXPECT_FALSE(comeback_.everybody_is_in());
  EXPECT_FALSE(hears(R"({"type":"chat_message","id":10,"seq":5})"));
  EXPECT_TRUE(comeback_.everybody_is_in());
  EXPECT_EQ(result_.back, 1u);
  EXPECT_EQ(result_.repeated, 0u);
}

TEST_F(ComebackTest, who_cannot_be_let_in_now_asks_again_later_and_each_time_later) {
  die_and_return();
  hears(welcome);
  EXPECT_EQ(questions(), 1u);
  std::int64_t before = 0;
  for (unsigned i = 1; i <= 4; ++i) {
    EXPECT_TRUE(hears(busy));  // it is nobody's message that was refused
    const std::int64_t pause = a_second / 20 << (i - 1);
    comeback_.turn(now_ns_ + pause / 2 - 1);
    EXPECT_EQ(questions(), 0u) << i;
    comeback_.turn(now_ns_ += pause);
    EXPECT_EQ(questions(), 1u) << i;
    EXPECT_EQ(result_.repeated, i);
    EXPECT_GT(pause, before);
    before = pause;
  }
  hears(R"({"type":"room_joined","roomId":"r","headSeq":3})");
  EXPECT_TRUE(comeback_.everybody_is_in());
  EXPECT_EQ(result_.back, 1u);
}

TEST_F(ComebackTest, who_is_told_when_does_not_come_earlier) {
  die_and_return();
  hears(welcome);
  questions();
  hears(R"({"type":"error","code":"unavailable","retryable":true,"retryAfterMs":3000})");
  comeback_.turn(now_ns_ + 3 * a_second);
  EXPECT_EQ(questions(), 0u);
  comeback_.turn(now_ns_ + 4 * a_second);
  EXPECT_EQ(questions(), 1u);
}

TEST_F(ComebackTest, a_connection_that_ends_meanwhile_asks_once_by_the_next) {
  die_and_return();
  hears(welcome);
  hears(busy);
  die_and_return();
  hears(welcome);
  comeback_.turn(now_ns_ + 10 * a_second);
  EXPECT_EQ(questions(), 1u);
  EXPECT_EQ(result_.repeated, 0u);
}

TEST_F(ComebackTest, an_error_of_a_message_is_that_message_s) {
  die_and_return();
  hears(welcome);
  EXPECT_FALSE(
      hears(R"({"type":"error","code":"unavailable","clientMessageId":"8","retryable":true})"));
  hears(R"({"type":"room_joined","roomId":"r","headSeq":3})");
  EXPECT_FALSE(hears(busy));
  EXPECT_EQ(result_.repeated, 0u);
}

using ComebackDeathTest = ComebackTest;

TEST_F(ComebackDeathTest, a_server_that_never_lets_in_ends_the_run) {
  die_and_return();
  hears(welcome);
  for (unsigned i = 0; i < 12; ++i) hears(busy);
  EXPECT_EXIT(hears(busy), testing::ExitedWithCode(69), "is not let in: .*busy");
}

TEST_F(ComebackDeathTest, what_will_not_change_is_not_asked_again) {
  die_and_return();
  hears(welcome);
  EXPECT_EXIT(hears(R"({"type":"error","code":"forbidden","retryable":false})"),
              testing::ExitedWithCode(69), "is not let in: .*forbidden");
}

}  // namespace
}  // namespace starling::bench
