// The kernel's ring over real sockets.
#include "io/ring.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <thread>
#include <vector>

#include "io/refusal.hpp"

namespace starling::io {
namespace {

using std::chrono::milliseconds;

class RingTest : public testing::Test {
 protected:
  void make(RingOptions options = {}) {
    auto made = Ring::create(options);
    ASSERT_TRUE(made) << made.error().message;
    ring = std::move(*made);
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  }
  ~RingTest() override {
    for (const int socket : pair) {
      if (socket >= 0) ::close(socket);
    }
  }

  // Turns until there is a completion of that operation.
  Completion await(Operation operation) {
    for (int turns = 0; turns < 200; ++turns) {
      if (!found.empty()) {
        const Completion first = found.front();
        found.erase(found.begin());
        return first;
      }
      for (const Completion& completion : ring->turn(milliseconds{50})) {
        if (completion.token.operation == operation) found.push_back(completion);
      }
    }
    ADD_FAILURE() << "no completion";
    return {};
  }
  static std::string text(const Completion& completion) {
    return {reinterpret_cast<const char*>(completion.bytes.data()), completion.bytes.size()};
  }

  std::unique_ptr<Ring> ring;
  std::vector<Completion> found;
  int pair[2] = {-1, -1};
};

TEST_F(RingTest, a_receive_stays_armed_and_brings_what_comes_and_then_the_end) {
  make();
  const Token token{Operation::receive, {0xfffffffe, 0xfffffe}};
  ring->receive(pair[0], token);
  for (const std::string word : {"one", "two"}) {
    ASSERT_EQ(::write(pair[1], word.data(), word.size()), static_cast<ssize_t>(word.size()));
    const Completion completion = await(Operation::receive);
    EXPECT_EQ(completion.token.owner, token.owner);
    EXPECT_TRUE(completion.armed);
    ASSERT_TRUE(completion.has_buffer);
    EXPECT_EQ(text(completion), word);
    ring->release(completion.buffer);
  }
  ::shutdown(pair[1], SHUT_WR);
  const Completion end = await(Operation::receive);
  EXPECT_EQ(end.result, 0);
  EXPECT_FALSE(end.armed);
}

TEST_F(RingTest, without_buffers_nothing_is_lost) {
  make({.submission_entries = 64,
        .completion_entries = 256,
        .receive_buffers = 2,
        .receive_buffer_bytes = 16});
  ring->receive(pair[0], {Operation::receive, {1, 1}});
  const std::string sent = "0123456789abcdef0123456789ABCDEFthe last sixteen";
  ASSERT_EQ(::write(pair[1], sent.data(), sent.size()), static_cast<ssize_t>(sent.size()));
  std::string received;
  std::vector<std::uint16_t> held;
  bool starved = false;
  while (received.size() < sent.size()) {
    const Completion completion = await(Operation::receive);
    if (completion.result == -ENOBUFS) {
      starved = true;
      EXPECT_FALSE(completion.armed);
      for (const std::uint16_t buffer : held) ring->release(buffer);
      held.clear();
      ring->turn({});
      ring->receive(pair[0], {Operation::receive, {1, 1}});
      continue;
    }
    ASSERT_GT(completion.result, 0);
    received += text(completion);
    held.push_back(completion.buffer);
  }
  EXPECT_TRUE(starved);
  EXPECT_EQ(received, sent);
}

TEST_F(RingTest, sends_arrive_whole_gathered_or_not) {
  make();
  const std::string one = "single ";
  ring->send(pair[0], std::as_bytes(std::span{one}), {Operation::send, {2, 1}});
  EXPECT_EQ(await(Operation::send).result, 7);
  std::string two = "gathered";
  iovec ranges[2] = {{two.data(), 4}, {two.data() + 4, 4}};
  msghdr message{};
  message.msg_iov = ranges;
  message.msg_iovlen = 2;
  ring->send_gather(pair[0], &message, {Operation::send, {2, 1}});
  EXPECT_EQ(await(Operation::send).result, 8);
  char buffer[64];
  EXPECT_EQ(::read(pair[1], buffer, sizeof buffer), 15);
}

TEST_F(RingTest, a_send_to_nobody_is_an_error_and_no_signal) {
  make();
  ::close(std::exchange(pair[1], -1));
  const std::string bytes = "x";
  ring->send(pair[0], std::as_bytes(std::span{bytes}), {Operation::send, {3, 1}});
  EXPECT_EQ(await(Operation::send).result, -EPIPE);
}

TEST_F(RingTest, more_operations_than_entries) {
  make({.submission_entries = 8,
        .completion_entries = 64,
        .receive_buffers = 4,
        .receive_buffer_bytes = 64});
  const std::string byte = "x";
  constexpr int many = 200;  // fit into the socket unread
  for (int i = 0; i < many; ++i) {
    ring->send(pair[0], std::as_bytes(std::span{byte}), {Operation::send, {4, 1}});
  }
  std::size_t bytes = 0;
  for (int i = 0; i < many; ++i) {
    bytes += static_cast<std::size_t>(await(Operation::send).result);
  }
  EXPECT_EQ(bytes, static_cast<std::size_t>(many));
}

TEST_F(RingTest, a_cancelled_receive_ends_and_loses_nothing) {
  make();
  const Token token{Operation::receive, {5, 1}};
  ring->receive(pair[0], token);
  ring->turn({});
  ring->cancel(token);
  EXPECT_EQ(await(Operation::receive).result, -ECANCELED);
  ASSERT_EQ(::write(pair[1], "late", 4), 4);
  ring->receive(pair[0], token);
  const Completion completion = await(Operation::receive);
  EXPECT_EQ(text(completion), "late");
}

TEST_F(RingTest, a_poll_ends_when_there_is_something_to_receive) {
  make();
  const Token token{Operation::poll, {5, 1}};
  ring->poll(pair[0], token);
  ring->turn({});
  ASSERT_EQ(::write(pair[1], "late", 4), 4);
  const Completion completion = await(Operation::poll);
  EXPECT_GT(completion.result, 0);
  EXPECT_FALSE(completion.armed);
  EXPECT_FALSE(completion.has_buffer);
  ring->receive(pair[0], {Operation::receive, {5, 1}});
  EXPECT_EQ(text(await(Operation::receive)), "late");
}

TEST_F(RingTest, a_poll_ends_with_the_stream_with_a_shutdown_and_with_a_cancel) {
  make();
  const Token token{Operation::poll, {6, 1}};
  ring->poll(pair[0], token);
  ring->turn({});
  ring->cancel(token);
  EXPECT_EQ(await(Operation::poll).result, -ECANCELED);
  ring->poll(pair[0], token);
  ::shutdown(pair[1], SHUT_WR);
  EXPECT_GT(await(Operation::poll).result, 0);
  ring->poll(pair[1], token);
  ring->turn({});
  ring->shutdown(pair[1], SHUT_RDWR);
  EXPECT_GT(await(Operation::poll).result, 0);
}

TEST_F(RingTest, shutting_down_ends_an_armed_receive) {
  make();
  ring->receive(pair[0], {Operation::receive, {6, 1}});
  ring->turn({});
  ring->shutdown(pair[0], SHUT_RDWR);
  const Completion end = await(Operation::receive);
  EXPECT_EQ(end.result, 0);
  EXPECT_FALSE(end.armed);
}

TEST_F(RingTest, connections_are_accepted_until_it_is_cancelled) {
  make();
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  ASSERT_EQ(::bind(listener, generic, size), 0);
  ASSERT_EQ(::listen(listener, 16), 0);
  ASSERT_EQ(::getsockname(listener, generic, &size), 0);
  const Token token{Operation::accept, {0, 1}};
  ring->accept(listener, token);
  for (int i = 0; i < 3; ++i) {
    const int client = ::socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(::connect(client, generic, size), 0);
    const Completion completion = await(Operation::accept);
    EXPECT_GE(completion.result, 0);
    EXPECT_TRUE(completion.armed);
    ::close(completion.result);
    ::close(client);
  }
  ring->cancel(token);
  EXPECT_EQ(await(Operation::accept).result, -ECANCELED);
  ::close(listener);
}

TEST_F(RingTest, no_wake_up_is_lost) {
  make();
  constexpr std::uint64_t rounds = 20'000;
  std::atomic<std::uint64_t> published{0};
  std::atomic<std::uint64_t> seen{0};
  // Each item is published when the one before has been seen, so that the receiver is about to
  // sleep every time.
  std::thread sender{[&] {
    for (std::uint64_t i = 1; i <= rounds; ++i) {
      while (seen.load(std::memory_order_acquire) + 1 < i) std::this_thread::yield();
      published.store(i, std::memory_order_release);
      ring->wake().notify();
    }
  }};
  const auto start = std::chrono::steady_clock::now();
  while (seen.load(std::memory_order_relaxed) < rounds) {
    ring->wake().prepare_sleep();
    const bool work = published.load(std::memory_order_acquire) > seen;
    ring->turn(work ? std::chrono::seconds{0} : std::chrono::seconds{20});
    ring->wake().awake();
    seen.store(published.load(std::memory_order_acquire), std::memory_order_release);
  }
  sender.join();
  // A lost wake-up would have slept for all of the 20 s.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{15});
}

TEST(WakeTest, a_descriptor_that_can_be_read_ends_the_wait_and_takes_no_notice_away) {
  base::Result<Wake> wake = Wake::create();
  ASSERT_TRUE(wake);
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  ASSERT_EQ(::write(ends[1], "x", 1), 1);
  constexpr std::chrono::hours forever{1};
  wake->prepare_sleep();
  wake->wait(forever, ends[0]);
  wake->notify();
  wake->wait(forever, ends[0]);  // both
  wake->awake();
  char byte = 0;
  EXPECT_EQ(::read(ends[0], &byte, 1), 1);
  ::close(ends[0]);
  wake->prepare_sleep();
  wake->notify();
  wake->wait(forever);
  ::close(ends[1]);
}

TEST(RefusalTest, every_cause_has_a_cure) {
  const auto text = [](int error, int sysctl) {
    return explain_refusal({error, sysctl, 7, 65'536, 65'536});
  };
  EXPECT_NE(text(EPERM, 1).find("io_uring_disabled=1"), std::string::npos);
  EXPECT_NE(text(EPERM, 1).find("(now 7)"), std::string::npos);
  EXPECT_NE(text(EPERM, 2).find("io_uring_disabled=2"), std::string::npos);
  EXPECT_NE(text(EPERM, 0).find("seccomp"), std::string::npos);
  EXPECT_NE(text(ENOSYS, -1).find("kernel of version 6.1"), std::string::npos);
  EXPECT_NE(text(ENOMEM, 0).find("RLIMIT_MEMLOCK is 65536 bytes"), std::string::npos);
  for (const int error : {EPERM, ENOSYS, ENOMEM, EINVAL}) {
    EXPECT_NE(text(error, 0).find("cure: "), std::string::npos);
  }
}

}  // namespace
}  // namespace starling::io
