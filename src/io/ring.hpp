// Ring: the seam between the server and the kernel.
//
// Everything a shard does to a socket goes through here, as an operation that is prepared now,
// submitted with all others at the end of the turn, and completed in a later turn. Completions are
// copied out first and run afterwards (reap, then run), so no handler runs inside of a submit.
// What implements this header is chosen when the program is linked: the kernel's io_uring, or a
// simulated ring in tests.
//
// A ring lives on the thread that made it. Rules its callers keep:
//  - at most one send, and one receive or poll, in flight per socket (io_uring may reorder two
//    sends);
//  - a buffer given to send() is not touched before its completion;
//  - a descriptor is closed when nothing is in flight on it: shut it down, wait, close.
#pragma once

#include <sys/socket.h>
#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "base/result.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"
#include "io/wake.hpp"

namespace starling::io {

// What a completion answers; one switch of the owner dispatches on it.
enum class Operation : std::uint8_t { accept, receive, send, poll, cancel, wake };

// Travels through the kernel as user_data: 8 bits of operation, 24 of generation, 32 of slot.
struct Token {
  Operation operation{};
  base::Handle owner{};
};

struct Completion {
  Token token;
  std::int32_t result = 0;  // as of the system call: a count or descriptor, or -errno
  bool armed = false;       // a multishot operation goes on; false: it must be armed again
  bool has_buffer = false;  // `bytes` must be given back with release()
  std::uint16_t buffer = 0;
  std::span<const std::byte> bytes;  // receive only: what came, valid until release()
};

struct RingOptions {
  unsigned submission_entries = 1'024;
  unsigned completion_entries = 8'192;
  unsigned receive_buffers = 2'048;  // a power of two
  unsigned receive_buffer_bytes = 4'096;
};

// Why the kernel refused a ring: a cause and a cure for the operator.
class Ring {
 public:
  // Fails with a message that names cause and cure (seccomp, sysctl, memlock, an old kernel).
  static base::Result<std::unique_ptr<Ring>> create(const RingOptions& options);
  virtual ~Ring() = default;

  // Multishot: one completion per connection, its descriptor in `result`.
  virtual void accept(int listener, Token token) = 0;
  // Multishot with provided buffers, armed to poll first. -ENOBUFS ends it without loss of data:
  // arm it again after buffers were released.
  virtual void receive(int socket, Token token) = 0;
  // Once: completes when there is something to receive, or the end of it. An idle socket costs the
  // kernel less with this than with an armed receive.
  virtual void poll(int socket, Token token) = 0;
  // Completes when everything was sent, or short, or with an error. No SIGPIPE.
  virtual void send(int socket, std::span<const std::byte> bytes, Token token) = 0;
  // As send(), for several ranges; `message` and its iovecs stay until the completion.
  virtual void send_gather(int socket, const msghdr* message, Token token) = 0;
  // Ends the operations of a token that shutdown() did not end; they complete with -ECANCELED.
  virtual void cancel(Token target) = 0;
  // At once: both directions (SHUT_RDWR) or the sending one (SHUT_WR).
  virtual void shutdown(int socket, int how) = 0;
  virtual void close(int socket) = 0;

  virtual void release(std::uint16_t buffer) = 0;  // a receive buffer is free again

  // Submits what was prepared, then waits for a completion or a wake-up, at most `longest`
  // (zero: does not wait), and copies out what has completed. The span holds until the next call.
  virtual std::span<const Completion> turn(base::Duration longest) = 0;

  // For other threads: notify() ends the wait of turn().
  virtual Wake& wake() = 0;

  virtual std::string description() const = 0;  // one line for the log: what the kernel offers
};

}  // namespace starling::io
