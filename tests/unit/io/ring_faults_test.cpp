// The kernel's ring where the kernel does not do what it should: calls of liburing are answered by
// the test instead, and what a process may have is made scarce.
#include <dlfcn.h>
#include <gtest/gtest.h>
#include <liburing.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <functional>
#include <string>

#include "io/refusal.hpp"
#include "io/ring.hpp"

namespace {

// What a call is answered with; 0: the kernel answers.
std::function<int(const io_uring_params&)> on_init;
std::function<int()> on_submit;
std::function<int()> on_wait;

template <typename Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int io_uring_queue_init_params(unsigned entries, io_uring* ring, io_uring_params* params) {
  const int answer = on_init ? on_init(*params) : 0;
  return answer != 0 ? answer
                     : real<decltype(io_uring_queue_init_params)>("io_uring_queue_init_params")(
                           entries, ring, params);
}

int io_uring_submit(io_uring* ring) {
  const int answer = on_submit ? on_submit() : 0;
  return answer != 0 ? answer : real<decltype(io_uring_submit)>("io_uring_submit")(ring);
}

int io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** first, unsigned count,
                                     __kernel_timespec* limit, sigset_t* signals) {
  const int answer = on_wait ? on_wait() : 0;
  return answer != 0 ? answer
                     : real<decltype(io_uring_submit_and_wait_timeout)>(
                           "io_uring_submit_and_wait_timeout")(ring, first, count, limit, signals);
}

}  // extern "C"

namespace starling::io {
namespace {

using std::chrono::milliseconds;

constexpr RingOptions small{.submission_entries = 8,
                            .completion_entries = 64,
                            .receive_buffers = 4,
                            .receive_buffer_bytes = 64};

class RingFaultsTest : public testing::Test {
 protected:
  RingFaultsTest() { EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0); }
  ~RingFaultsTest() override {
    on_init = nullptr;
    on_submit = on_wait = nullptr;
    for (const int socket : pair) ::close(socket);
  }

  void make() {
    auto made = Ring::create(small);
    ASSERT_TRUE(made) << made.error().message;
    ring = std::move(*made);
  }

  // What comes, until there is so much of it.
  std::string received(std::size_t bytes) {
    std::string text;
    for (int turns = 0; turns < 100 && text.size() < bytes; ++turns) {
      for (const Completion& completion : ring->turn(milliseconds{50})) {
        if (!completion.has_buffer) continue;
        text.append(reinterpret_cast<const char*>(completion.bytes.data()),
                    completion.bytes.size());
        ring->release(completion.buffer);
      }
    }
    return text;
  }

  // One operation more than there are entries, none of which ends; at the last the kernel takes
  // nothing at first.
  void fill_with_what_stays() {
    on_submit = [refusals = 0]() mutable { return ++refusals == 1 ? -EBUSY : 0; };
    for (unsigned i = 0; i <= small.submission_entries; ++i) {
      ring->poll(pair[0], {Operation::poll, {2 + i, 1}});
    }
  }

  // A turn that could last 20 s, and does not.
  std::size_t completions_of_a_long_turn() {
    const auto start = std::chrono::steady_clock::now();
    const std::size_t count = ring->turn(std::chrono::seconds{20}).size();
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds{15});
    return count;
  }

  // Why there is no ring, with so many descriptors to spare.
  static std::string refusal_with(int descriptors) {
    const int next = ::dup(0);
    ::close(next);
    rlimit usual{};
    EXPECT_EQ(::getrlimit(RLIMIT_NOFILE, &usual), 0);
    const rlimit few{static_cast<rlim_t>(next + descriptors), usual.rlim_max};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &few), 0);
    const auto made = Ring::create(small);
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &usual), 0);
    return made ? "" : made.error().message;
  }

  static std::string refusal_of(const RingOptions& options) {
    const auto made = Ring::create(options);
    return made ? "" : made.error().message;
  }

  const Token receiving{Operation::receive, {1, 1}};
  std::unique_ptr<Ring> ring;
  int pair[2] = {-1, -1};
};

TEST_F(RingFaultsTest, a_kernel_before_deferred_task_work_does_it_by_the_way) {
  on_init = [](const io_uring_params& params) {
    return (params.flags & IORING_SETUP_DEFER_TASKRUN) != 0 ? -EINVAL : 0;
  };
  make();
  EXPECT_EQ(ring->description(),
            "io_uring with cooperative task work, 8 submissions, 64 completions, 4 receive buffers "
            "of 64 bytes");
  ring->receive(pair[0], receiving);
  const std::string sent = "from the other end";
  ring->send(pair[1], std::as_bytes(std::span{sent}), {Operation::send, {2, 1}});
  EXPECT_EQ(received(sent.size()), sent);
}

TEST_F(RingFaultsTest, a_ring_says_what_it_is) {
  make();
  EXPECT_TRUE(ring->description().starts_with("io_uring with deferred task work, 8 submissions, "));
}

TEST_F(RingFaultsTest, a_ring_that_is_refused_is_told_with_its_cure) {
  on_init = [](const io_uring_params&) { return -EPERM; };
  const std::string why = refusal_of(small);
  EXPECT_NE(why.find("cure: "), std::string::npos) << why;
}

// The kernel takes nothing while completions wait for room: they are taken out, and are part of
// the next turn, in the order in which they came. The wake-up among them would be armed again, for
// which there is no room either.
TEST_F(RingFaultsTest, completions_that_make_room_keep_their_order) {
  make();
  ring->receive(pair[0], receiving);
  ring->turn({});
  ASSERT_EQ(::write(pair[1], "first ", 6), 6);
  ring->wake().prepare_sleep();
  ring->wake().notify();
  int refusals = 0;
  on_submit = [&] {
    if (++refusals == 2) {
      EXPECT_EQ(::write(pair[1], "second", 6), 6);
    }
    return refusals <= 2 ? -EBUSY : 0;
  };
  const std::string byte = "x";
  for (unsigned i = 0; i <= small.submission_entries; ++i) {
    ring->send(pair[0], std::as_bytes(std::span{byte}), {Operation::send, {2, 1}});
  }
  EXPECT_GE(refusals, 2);
  EXPECT_EQ(received(12), "first second");
}

TEST_F(RingFaultsTest, what_made_room_is_not_waited_for_again) {
  make();
  ring->receive(pair[0], receiving);
  ring->turn({});
  ASSERT_EQ(::write(pair[1], "here", 4), 4);
  fill_with_what_stays();
  EXPECT_EQ(completions_of_a_long_turn(), 1u);
}

TEST_F(RingFaultsTest, a_wake_up_among_what_made_room_is_followed_by_others) {
  make();
  ring->turn({});
  ring->wake().prepare_sleep();
  ring->wake().notify();
  fill_with_what_stays();
  ring->wake().prepare_sleep();
  ring->wake().notify();
  EXPECT_EQ(completions_of_a_long_turn(), 0u);
}

TEST_F(RingFaultsTest, a_receive_that_brings_nothing_is_noticed_at_the_start) {
  on_wait = [] { return -ETIME; };
  EXPECT_NE(refusal_of(small).find("multishot receive with provided buffers does not work"),
            std::string::npos);
}

TEST_F(RingFaultsTest, a_wake_up_that_wakes_nobody_is_noticed_at_the_start) {
  // The two waits before it are for a byte, and for the end of the receive.
  on_wait = [waits = 0]() mutable { return ++waits > 2 ? -ETIME : 0; };
  EXPECT_EQ(refusal_of(small), "io_uring does not see an eventfd's wake-up");
}

TEST_F(RingFaultsTest, what_has_no_descriptor_is_named) {
  // A sanitizer needs a descriptor to look at an object of a kind that it has not met yet.
  gather_refusal_facts(EPERM);
  EXPECT_EQ(refusal_of(small), "");
  EXPECT_EQ(refusal_with(0), "eventfd: Too many open files");
  EXPECT_NE(refusal_with(1).find("io_uring"), std::string::npos);
  EXPECT_EQ(refusal_with(2), "socketpair: Too many open files");
  EXPECT_EQ(refusal_with(4), "");
}

TEST_F(RingFaultsTest, buffers_that_cannot_be_had_are_told) {
  RingOptions huge = small;  // more addresses than a process has
  huge.receive_buffers = 1u << 15;
  huge.receive_buffer_bytes = ~0u;
  RingOptions odd = small;
  odd.receive_buffers = 3;  // a kernel wants a power of two
  EXPECT_NE(refusal_of(odd).find("cannot register a ring of receive buffers: "), std::string::npos);
  EXPECT_EQ(refusal_of(huge), "mmap of receive buffers: Cannot allocate memory");
}

}  // namespace
}  // namespace starling::io
