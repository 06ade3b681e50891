// SimRing: io::Ring over the simulated network.
//
// turn() never waits. Where the kernel's ring would have slept, it says so (slept(),
// sleeps_until()) and returns nothing, which to a shard is a wake-up without a cause; the run then
// leaves the shard alone until a completion, a notify() or the end of that time. A shard that finds
// work in its inbox although only the time was over has lost a wake-up, and the judge hears of it.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "io/ring.hpp"
#include "network.hpp"

namespace starling::sim {

class SimRing final : public io::Ring {
 public:
  SimRing(io::Wake wake, Network& network);
  ~SimRing() override;

  // ---- io::Ring
  void accept(int listener, io::Token token) override;
  void receive(int socket, io::Token token) override;
  void poll(int socket, io::Token token) override { receive(socket, token); }
  void send(int socket, std::span<const std::byte> bytes, io::Token token) override;
  void send_gather(int socket, const msghdr* message, io::Token token) override;
  void cancel(io::Token target) override;
  void shutdown(int socket, int how) override { network_.shutdown(socket, how); }
  void close(int socket) override { network_.close(socket); }
  void release(std::uint16_t buffer) override;
  std::span<const io::Completion> turn(base::Duration longest) override;
  io::Wake& wake() override { return wake_; }
  std::string description() const override { return "simulated"; }

  // ---- the run
  bool runnable() const;  // not asleep, or woken, or it has slept long enough
  // Before the shard's turn(): remembers whether it was woken, or will be.
  void begin_turn(bool to_be_woken);
  base::Instant sleeps_until() const { return until_; }
  bool asleep() const { return asleep_; }
  unsigned buffers_lent() const;

  // ---- the network
  void complete(int descriptor, io::Completion completion);
  bool has_completion_of(int descriptor) const;
  std::optional<std::uint16_t> lend();  // nothing: the supply is empty
  std::span<const std::byte> fill(std::uint16_t buffer, std::string_view bytes);

 private:
  struct Waiting {
    int descriptor;
    io::Completion completion;
  };

  void maybe_submit();

  Network& network_;
  io::Wake wake_;
  const std::size_t buffer_bytes_;
  std::vector<std::byte> memory_;
  std::vector<bool> lent_;
  std::vector<std::uint16_t> free_;
  std::vector<io::Token> cancels_;
  std::deque<Waiting> waiting_;
  std::vector<io::Completion> reaped_;
  bool asleep_ = false;
  bool woken_ = false;  // before this turn
  base::Instant until_{};
};

}  // namespace starling::sim
