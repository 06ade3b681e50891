// starling-load: members of rooms, and what they cost a chat server.
//
//   idle    members that say nothing: the memory of each
//   open    messages at a fixed rate: the server's CPU for each delivery, the latency from the
//           intended time of sending
//   closed  a window of messages in flight: how many deliveries a second the server can do
//
// Both count exactly, by member and room, what was lost, doubled and reordered. Speaks Starling's
// protocol in open mode, or (--peer raw) to any server that sends every text frame to all its
// clients. Talks to 127.0.0.1 only, and stops by itself.
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>

#include "members.hpp"
#include "report.hpp"
#include "run.hpp"
#include "system.hpp"

int main(int argc, char** argv) {
  using namespace starling::bench;
  const Options options = read_options(argc, argv);
  if (::kill(options.pid, 0) != 0) give_up("there is no process " + std::to_string(options.pid));
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }

  const Baseline before{snapshot_of(options.pid), load_average()};
  Party party = gather(options);
  const Result result = run_load(options, party);
  std::puts(report(options, before, result).c_str());
  const bool whole = result.lost + result.doubled + result.reordered + result.closed == 0;
  return whole && (options.mode == Mode::idle || result.delivered > 0) ? 0 : 1;
}
