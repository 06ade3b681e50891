// A run: messages out by the plan, everything that comes back counted.
#pragma once

#include <cstdint>
#include <string>

#include "histogram.hpp"
#include "members.hpp"
#include "options.hpp"
#include "series.hpp"
#include "system.hpp"

namespace starling::bench {

struct Result {
  // Deliveries are counted once for each member; members that are stalled on purpose do not count.
  std::uint64_t sent = 0;       // messages
  std::uint64_t refused = 0;    // messages, by an `error`; requests, by their status
  std::uint64_t expected = 0;   // deliveries: each message that was not refused, to each member
  std::uint64_t delivered = 0;  // different messages that came, to each member
  std::uint64_t lost = 0;
  std::uint64_t doubled = 0;
  std::uint64_t reordered = 0;   // came after a later one of their room
  std::uint64_t closed = 0;      // connections that the server has ended
  std::string first_error;       // the first `error` frame
  std::uint64_t done = 0;        // connect: clients that came; requests: answers
  std::uint64_t frames = 0;      // connect: what came to those who were there before
  std::uint64_t back = 0;        // resume: members who were away and have all that they missed
  std::uint64_t repeated = 0;    // resume: times that somebody asked again to be let in
  std::int64_t all_back_ns = 0;  // resume: from the first that found the server again, to the last

  // open, resume: from the intended time of sending; closed: from the real one; connect: of a
  // client, until it is there; requests: of one.
  Histogram latency;
  // open: the part of it that came to members on other servers than their sender's
  Histogram elsewhere;
  // open: of the generator itself, from the intended to the real time of sending
  Histogram lateness;
  Series series;
  std::int64_t elapsed_ns = 0;  // from the first message to the last delivery

  Snapshot half;                         // idle: of the server, when half of them had
  Snapshot joined;                       // of the server, when the members had joined and settled
  Snapshot end;                          // of the server, when everything had come
  std::uint64_t peak_private_bytes = 0;  // of the server, looked at once a second
  std::uint64_t own_cpu_ns = 0;
};

// In mode idle nothing is sent: only `joined` is of interest then.
void run_load(const Options& options, Party& party, Result& result);
// Mode connect: clients come, as many at a time as the window has.
void run_connect(const Options& options, Party& party, Result& result);
// Mode requests.
void run_requests(const Options& options, Result& result);

}  // namespace starling::bench
