#include "ring_sim.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.hpp"
#include "clock_sim.hpp"
#include "io/clock.hpp"
#include "judge.hpp"

namespace starling::sim {
namespace {

constexpr auto poison = std::byte{0xdb};  // not UTF-8, not a frame, not a request

}  // namespace

SimRing::SimRing(io::Wake wake, Network& network)
    : network_(network),
      wake_(std::move(wake)),
      buffer_bytes_(network.faults().receive_buffer_bytes),
      memory_(network.faults().receive_buffers * buffer_bytes_, poison),
      lent_(network.faults().receive_buffers) {
  for (unsigned i = network.faults().receive_buffers; i-- > 0;) {
    free_.push_back(static_cast<std::uint16_t>(i));
  }
  network_.enter(this);
}

SimRing::~SimRing() { network_.forget(this); }

// A full submission queue goes to the kernel before the turn ends: here it may be full any time.
void SimRing::maybe_submit() {
  if (network_.random().permille(30)) network_.submit(this);
}

void SimRing::accept(int listener, io::Token token) { network_.accept(this, listener, token); }

void SimRing::receive(int socket, io::Token token) {
  network_.start_receive(this, socket, token);
  maybe_submit();
}

void SimRing::send(int socket, std::span<const std::byte> bytes, io::Token token) {
  network_.start_send(this, socket, token, {{const_cast<std::byte*>(bytes.data()), bytes.size()}},
                      nullptr);
  maybe_submit();
}

void SimRing::send_gather(int socket, const msghdr* message, io::Token token) {
  network_.start_send(this, socket, token,
                      {message->msg_iov, message->msg_iov + message->msg_iovlen}, message);
  maybe_submit();
}

void SimRing::cancel(io::Token target) { cancels_.push_back(target); }

void SimRing::release(std::uint16_t buffer) {
  CHECK(buffer < lent_.size());
  if (!lent_[buffer]) {
    judge().broken("a receive buffer is given back once", "buffer " + std::to_string(buffer));
    return;
  }
  lent_[buffer] = false;
  std::memset(memory_.data() + buffer * buffer_bytes_, static_cast<int>(poison), buffer_bytes_);
  free_.push_back(buffer);
}

std::span<const io::Completion> SimRing::turn(base::Duration longest) {
  network_.submit(this);
  for (const io::Token target : std::exchange(cancels_, {})) network_.cancel(this, target);
  // Some of it the kernel does at once.
  if (network_.random().permille(200)) network_.step();
  reaped_.clear();
  if (std::exchange(asleep_, false)) {
    if (waiting_.empty() && longest <= base::Duration::zero() && !woken_) {
      judge().broken("a wake-up is never lost", "a shard slept although there was work for it");
    }
  } else if (waiting_.empty() && longest > base::Duration::zero()) {
    asleep_ = true;
    until_ = io::now() + longest;
  }
  for (const Waiting& one : waiting_) reaped_.push_back(one.completion);
  waiting_.clear();
  return reaped_;
}

void SimRing::begin_turn(bool to_be_woken) {
  woken_ = to_be_woken || wake_state(wake_.descriptor()).notified;
}

bool SimRing::runnable() const {
  return !asleep_ || !waiting_.empty() || wake_state(wake_.descriptor()).notified ||
         io::now() >= until_;
}

unsigned SimRing::buffers_lent() const {
  return static_cast<unsigned>(std::ranges::count(lent_, true));
}

void SimRing::complete(int descriptor, io::Completion completion) {
  waiting_.push_back({descriptor, completion});
}

bool SimRing::has_completion_of(int descriptor) const {
  return std::ranges::any_of(waiting_, [&](const Waiting& one) {
    return one.descriptor == descriptor && one.completion.token.operation != io::Operation::accept;
  });
}

std::optional<std::uint16_t> SimRing::lend() {
  if (free_.empty()) return std::nullopt;
  const std::size_t which = network_.random().below(free_.size());
  std::swap(free_[which], free_.back());
  const std::uint16_t buffer = free_.back();
  free_.pop_back();
  lent_[buffer] = true;
  return buffer;
}

std::span<const std::byte> SimRing::fill(std::uint16_t buffer, std::string_view bytes) {
  std::byte* const to = memory_.data() + buffer * buffer_bytes_;
  std::memcpy(to, bytes.data(), bytes.size());
  return {to, bytes.size()};
}

}  // namespace starling::sim

namespace starling::io {

base::Result<std::unique_ptr<Ring>> Ring::create(const RingOptions&) {
  base::Result<Wake> wake = Wake::create();
  if (!wake) return tl::make_unexpected(std::move(wake.error()));
  return std::make_unique<sim::SimRing>(std::move(*wake), sim::Network::current());
}

}  // namespace starling::io
