// The kernel's ring. Set up for one thread that submits and reaps (SINGLE_ISSUER, DEFER_TASKRUN):
// completions appear only when turn() enters the kernel, so nothing runs behind the shard's back.
// Only <liburing.h> is included, never <linux/io_uring.h>: Debian 12's copy of the latter puts the
// entries of a buffer ring at the wrong offset in C++.
#include <liburing.h>

#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "io/refusal.hpp"
#include "io/ring.hpp"

namespace starling::io {
namespace {

constexpr int buffer_group = 0;

// user_data: 8 bits of operation, 24 of generation, 32 of slot.
std::uint64_t pack(Token token) {
  return std::uint64_t{static_cast<std::uint8_t>(token.operation)} << 56 |
         std::uint64_t{token.owner.generation & 0xffffffu} << 32 | token.owner.slot;
}

Token unpack(std::uint64_t user_data) {
  return {static_cast<Operation>(user_data >> 56),
          {static_cast<std::uint32_t>(user_data),
           static_cast<std::uint32_t>(user_data >> 32) & 0xffffffu}};
}

base::Error system_error(const char* call, int error) {
  return {std::string{call} + ": " + std::strerror(error), error};
}

class UringRing final : public Ring {
 public:
  UringRing(Wake wake, const RingOptions& options) : wake_(std::move(wake)), options_(options) {}

  ~UringRing() override {
    if (buffers_) {
      io_uring_unregister_buf_ring(&ring_, buffer_group);
      ::munmap(buffers_, buffers_bytes());
    }
    if (memory_) ::munmap(memory_, memory_bytes());
    if (made_) io_uring_queue_exit(&ring_);
  }

  base::Result<void> set_up() {
    io_uring_params params{};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE | IORING_SETUP_CLAMP;
    params.cq_entries = options_.completion_entries;
    int result = io_uring_queue_init_params(options_.submission_entries, &ring_, &params);
    if (result == -EINVAL) {  // before 6.1
      params = {};
      params.flags = IORING_SETUP_COOP_TASKRUN | IORING_SETUP_SUBMIT_ALL | IORING_SETUP_CQSIZE |
                     IORING_SETUP_CLAMP;
      params.cq_entries = options_.completion_entries;
      deferred_ = false;
      result = io_uring_queue_init_params(options_.submission_entries, &ring_, &params);
    }
    if (result < 0) {
      return base::failure(explain_refusal(gather_refusal_facts(-result)), -result);
    }
    made_ = true;
    // Saves looking up the descriptor at every enter; not needed to work.
    static_cast<void>(io_uring_register_ring_fd(&ring_));
    if (base::Result<void> done = set_up_buffers(); !done) return done;
    arm_wake();
    return {};
  }

  // What no probe answers is tried once: a byte must come through a provided buffer, and a
  // notify() must end a wait.
  base::Result<void> self_test() {
    int pair[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
      return tl::make_unexpected(system_error("socketpair", errno));
    }
    const Token token{Operation::receive, {0, 1}};
    receive(pair[0], token);
    turn({});
    const char byte = 's';
    bool received = false;
    if (::write(pair[1], &byte, 1) == 1) {
      for (const Completion& completion : turn(std::chrono::seconds{1})) {
        received = completion.result == 1 && completion.has_buffer && completion.armed &&
                   static_cast<char>(completion.bytes[0]) == byte;
        if (completion.has_buffer) release(completion.buffer);
      }
    }
    ::shutdown(pair[0], SHUT_RDWR);
    turn(std::chrono::seconds{1});
    ::close(pair[0]);
    ::close(pair[1]);
    if (!received) {
      return base::failure(
          "io_uring is there but a multishot receive with provided buffers does not work: use a "
          "kernel of version 6.1 or later");
    }
    wake_.prepare_sleep();
    wake_.notify();
    const std::uint64_t before = woken_;
    turn(std::chrono::seconds{1});
    if (woken_ == before) return base::failure("io_uring does not see an eventfd's wake-up");
    return {};
  }

  void accept(int listener, Token token) override {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_multishot_accept(entry, listener, nullptr, nullptr, SOCK_CLOEXEC);
    entry->user_data = pack(token);
  }

  void receive(int socket, Token token) override {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_recv_multishot(entry, socket, nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = buffer_group;
    // An armed receive that polls first takes no buffer and cannot fail on an empty supply.
    entry->ioprio |= IORING_RECVSEND_POLL_FIRST;
    entry->user_data = pack(token);
  }

  void poll(int socket, Token token) override {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_poll_add(entry, socket, POLLIN | POLLRDHUP);
    entry->user_data = pack(token);
  }

  void send(int socket, std::span<const std::byte> bytes, Token token) override {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_send(entry, socket, bytes.data(), bytes.size(), MSG_WAITALL | MSG_NOSIGNAL);
    entry->user_data = pack(token);
  }

  void send_gather(int socket, const msghdr* message, Token token) override {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_sendmsg(entry, socket, message, MSG_WAITALL | MSG_NOSIGNAL);
    entry->user_data = pack(token);
  }

  void cancel(Token target) override {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_cancel64(entry, pack(target), IORING_ASYNC_CANCEL_ALL);
    entry->user_data = pack({Operation::cancel, target.owner});
  }

  void shutdown(int socket, int how) override { ::shutdown(socket, how); }
  void close(int socket) override { ::close(socket); }

  void release(std::uint16_t buffer) override {
    CHECK(buffer < options_.receive_buffers);
    io_uring_buf_ring_add(buffers_, buffer_at(buffer), options_.receive_buffer_bytes, buffer,
                          io_uring_buf_ring_mask(options_.receive_buffers), released_++);
  }

  std::span<const Completion> turn(base::Duration longest) override {
    give_back_buffers();
    completions_.clear();
    if (!wake_armed_) arm_wake();
    const bool something_came = !early_.empty() || io_uring_cq_ready(&ring_) > 0;
    if (!something_came && longest > base::Duration::zero()) {
      __kernel_timespec limit{};
      limit.tv_sec = longest.count() / 1'000'000'000;
      limit.tv_nsec = longest.count() % 1'000'000'000;
      io_uring_cqe* first = nullptr;
      io_uring_submit_and_wait_timeout(&ring_, &first, 1, &limit, nullptr);
    } else if (deferred_) {
      io_uring_submit_and_get_events(&ring_);
    } else {
      io_uring_submit(&ring_);
    }
    reap();
    return completions_;
  }

  Wake& wake() override { return wake_; }

  std::string description() const override {
    std::string text = "io_uring with ";
    text += deferred_ ? "deferred task work" : "cooperative task work";
    text += ", " + std::to_string(ring_.sq.ring_entries) + " submissions, " +
            std::to_string(ring_.cq.ring_entries) + " completions, " +
            std::to_string(options_.receive_buffers) + " receive buffers of " +
            std::to_string(options_.receive_buffer_bytes) + " bytes";
    return text;
  }

 private:
  std::size_t buffers_bytes() const { return options_.receive_buffers * sizeof(io_uring_buf); }
  std::size_t memory_bytes() const {
    return std::size_t{options_.receive_buffers} * options_.receive_buffer_bytes;
  }
  std::byte* buffer_at(std::uint16_t buffer) const {
    return memory_ + std::size_t{buffer} * options_.receive_buffer_bytes;
  }

  base::Result<void> set_up_buffers() {
    const auto map = [](std::size_t bytes) {
      return ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    };
    void* const entries = map(buffers_bytes());
    void* const memory = map(memory_bytes());
    if (entries == MAP_FAILED || memory == MAP_FAILED) {
      return tl::make_unexpected(system_error("mmap of receive buffers", errno));
    }
    buffers_ = static_cast<io_uring_buf_ring*>(entries);
    memory_ = static_cast<std::byte*>(memory);
    CHECK(reinterpret_cast<std::byte*>(&buffers_->bufs[0]) ==
          reinterpret_cast<std::byte*>(buffers_));  // the header trap named at the top
    io_uring_buf_reg registration{};
    registration.ring_addr = reinterpret_cast<std::uintptr_t>(buffers_);
    registration.ring_entries = options_.receive_buffers;
    registration.bgid = buffer_group;
    if (const int result = io_uring_register_buf_ring(&ring_, &registration, 0); result < 0) {
      return base::failure(std::string{"io_uring cannot register a ring of receive buffers: "} +
                               std::strerror(-result) +
                               "\n  cure:  use a kernel of version 6.1 or later",
                           -result);
    }
    io_uring_buf_ring_init(buffers_);
    for (unsigned i = 0; i < options_.receive_buffers; ++i) {
      release(static_cast<std::uint16_t>(i));
    }
    give_back_buffers();
    return {};
  }

  void give_back_buffers() {
    if (released_ > 0) io_uring_buf_ring_advance(buffers_, std::exchange(released_, 0));
  }

  io_uring_sqe* next_entry() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    while (!entry) {  // full: what is prepared goes to the kernel now
      const int result = io_uring_submit(&ring_);
      CHECK(result >= 0 || result == -EBUSY || result == -EAGAIN || result == -EINTR);
      // The kernel takes nothing more while completions wait for room: make it.
      if (result < 0) reap_early();
      entry = io_uring_get_sqe(&ring_);
    }
    return entry;
  }

  // Prepares nothing itself: it would come here again, and what it reaped would come out of order.
  void reap_early() {
    io_uring_get_events(&ring_);
    std::vector<Completion> kept = std::move(completions_);
    completions_.clear();
    reap();
    early_.insert(early_.end(), completions_.begin(), completions_.end());
    completions_ = std::move(kept);
  }

  void reap() {
    completions_.insert(completions_.end(), early_.begin(), early_.end());
    early_.clear();
    io_uring_cqe* entries[256];
    unsigned count;
    while ((count = io_uring_peek_batch_cqe(&ring_, entries, std::size(entries))) > 0) {
      for (unsigned i = 0; i < count; ++i) take(*entries[i]);
      io_uring_cq_advance(&ring_, count);
    }
  }

  void take(const io_uring_cqe& entry) {
    Completion completion;
    completion.token = unpack(entry.user_data);
    if (completion.token.operation == Operation::wake) {
      ++woken_;
      wake_armed_ = false;
      return;
    }
    if (completion.token.operation == Operation::cancel) return;
    completion.result = entry.res;
    completion.armed = (entry.flags & IORING_CQE_F_MORE) != 0;
    completion.has_buffer = (entry.flags & IORING_CQE_F_BUFFER) != 0;
    if (completion.has_buffer) {
      completion.buffer = static_cast<std::uint16_t>(entry.flags >> IORING_CQE_BUFFER_SHIFT);
      completion.bytes = {buffer_at(completion.buffer),
                          static_cast<std::size_t>(std::max(entry.res, 0))};
    }
    completions_.push_back(completion);
  }

  void arm_wake() {
    io_uring_sqe* entry = next_entry();
    io_uring_prep_read(entry, wake_.descriptor(), &wake_count_, sizeof wake_count_, 0);
    entry->user_data = pack({Operation::wake, {0, 1}});
    wake_armed_ = true;
  }

  Wake wake_;
  const RingOptions options_;
  io_uring ring_{};
  bool made_ = false;
  bool deferred_ = true;
  io_uring_buf_ring* buffers_ = nullptr;
  std::byte* memory_ = nullptr;
  int released_ = 0;  // given back to the buffer ring but not yet shown to the kernel
  std::uint64_t wake_count_ = 0;
  std::uint64_t woken_ = 0;
  bool wake_armed_ = false;
  std::vector<Completion> completions_;
  std::vector<Completion> early_;  // reaped to make room while preparing; part of the next turn
};

}  // namespace

base::Result<std::unique_ptr<Ring>> Ring::create(const RingOptions& options) {
  base::Result<Wake> wake = Wake::create();
  if (!wake) return tl::make_unexpected(std::move(wake.error()));
  auto ring = std::make_unique<UringRing>(std::move(*wake), options);
  if (auto done = ring->set_up(); !done) return tl::make_unexpected(std::move(done.error()));
  if (auto done = ring->self_test(); !done) return tl::make_unexpected(std::move(done.error()));
  return ring;
}

}  // namespace starling::io
