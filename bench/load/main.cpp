// starling-load: clients, and what they cost a chat server.
//
//   idle      members that say nothing: the memory of each
//   open      messages at a fixed rate: the server's CPU for each delivery, the latency from the
//             intended time of sending
//   closed    a window of messages in flight: how many deliveries a second the server can do
//   resume    open, while somebody ends the server and starts it again
//   connect   clients that come: the price of each
//   requests  HTTP
//   environment  nothing: the build and the machine
//
// Whatever is delivered is counted exactly, by member and room: what was lost, doubled, reordered.
// Speaks Starling's protocol in open mode, or another server's (--peer). Talks to 127.0.0.1 only,
// and stops by itself.
#include <signal.h>
#include <sys/resource.h>

#include <cstdio>
#include <memory>

#include "members.hpp"
#include "report.hpp"
#include "run.hpp"
#include "system.hpp"

namespace starling::bench {
namespace {

// Whether everything came, once and in order.
bool flawless(const Options& options, const Result& result) {
  if (result.lost + result.doubled + result.reordered + result.closed > 0) return false;
  switch (options.mode) {
    case Mode::idle:
    case Mode::environment:
      return true;
    case Mode::requests:
      return result.refused == 0 && result.done > 0;
    case Mode::connect:
      return result.done == options.count;
    case Mode::resume:
      return result.back > 0 && result.delivered == result.expected;
    case Mode::open:
    case Mode::closed:
      return result.delivered > 0;
  }
  return false;
}

int run(const Options& options) {
  for (const int pid : options.pids) {
    if (::kill(pid, 0) != 0) give_up("there is no process " + std::to_string(pid));
  }
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &files);
  }

  const Baseline before{snapshot_of(options.pids), load_average()};
  const auto result = std::make_unique<Result>();
  if (options.mode == Mode::environment) {
    std::puts(report(options, before, *result).c_str());
    return 0;
  }
  if (options.mode == Mode::requests) {
    run_requests(options, *result);
  } else {
    Party party = make_party(options);
    const std::size_t members = std::size_t{options.rooms} * options.members;
    if (options.mode == Mode::idle) {
      gather(options, party, members / 2);
      run_load(options, party, *result);
      result->half = result->joined;
    }
    gather(options, party, members);
    if (options.mode == Mode::connect) {
      run_connect(options, party, *result);
    } else {
      run_load(options, party, *result);
    }
  }
  std::puts(report(options, before, *result).c_str());
  return flawless(options, *result) ? 0 : 1;
}

}  // namespace
}  // namespace starling::bench

int main(int argc, char** argv) {
  return starling::bench::run(starling::bench::read_options(argc, argv));
}
