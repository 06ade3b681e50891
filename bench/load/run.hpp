// A run: messages out by the plan, everything that comes back counted.
#pragma once

#include <cstdint>
#include <string>

#include "histogram.hpp"
#include "members.hpp"
#include "options.hpp"
#include "system.hpp"

namespace starling::bench {

struct Result {
  // Deliveries are counted once for each member; members that are stalled on purpose do not count.
  std::uint64_t sent = 0;       // messages
  std::uint64_t refused = 0;    // messages, by an `error`
  std::uint64_t expected = 0;   // deliveries: each message that was not refused, to each member
  std::uint64_t delivered = 0;  // different messages that came, to each member
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t reordered = 0;  // came after a later one of their room
  std::uint64_t closed = 0;     // connections that the server has ended
  std::string first_error;      // the first `error` frame

  Histogram latency;  // open: from the intended time of sending; closed: from the real one
  Histogram
      lateness;  // open: of the generator itself, from the intended to the real time of sending
  std::int64_t elapsed_ns = 0;  // from the first message to the last delivery

  Snapshot joined;                       // of the server, when the members had joined and settled
  Snapshot end;                          // of the server, when everything had come
  std::uint64_t peak_private_bytes = 0;  // of the server, looked at once a second
  std::uint64_t own_cpu_ns = 0;
};

// In mode idle nothing is sent: only `joined` is of interest then.
Result run_load(const Options& options, Party& party);

}  // namespace starling::bench
