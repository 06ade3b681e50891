// sim: runs seeds of the simulation.
//
//   sim --seed N [--fleet] [--shards N] [--verbose]
// runs one, and the same once more: the traces must agree.
//   sim --seeds A..B | --count N [--fleet]
// runs many, on as many processes as there are cores. --fleet: several servers that share a
// database
// (--servers N: so many; --goes-back: which loses commits once); without it a seed is one server
// with an archive of its own.
//
// Ends with "N passed, N failed"; 0 if none failed. A seed that failed is printed with the command
// that replays it, the rule that was broken, and what the clients heard last.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "tally.hpp"
#include "world.hpp"

namespace starling::sim {
namespace {

struct Arguments {
  std::uint64_t first = 1;
  std::uint64_t last = 1'000;
  Wishes wishes;
  bool verbose = false;
};

constexpr unsigned seed_seconds = 120;      // a run that takes longer than this hangs
constexpr std::uint64_t check_every = 100;  // of so many seeds one is run twice

std::string replay(const Arguments& arguments, std::uint64_t seed) {
  std::string command = "sim --seed " + std::to_string(seed);
  const Wishes& wishes = arguments.wishes;
  if (wishes.shards) command += " --shards " + std::to_string(*wishes.shards);
  if (wishes.servers) {
    command += " --servers " + std::to_string(*wishes.servers);
  } else if (wishes.fleet) {
    command += " --fleet";
  }
  if (wishes.goes_back) command += " --goes-back";
  return command;
}

// One seed in this process. True: no rule was broken.
bool run_seed(const Arguments& arguments, std::uint64_t seed, bool twice) {
  ::alarm(seed_seconds);
  Verdict verdict = World{seed, arguments.wishes, arguments.verbose}.run();
  if (verdict.rule.empty() && twice) {
    const Verdict again = World{seed, arguments.wishes, false}.run();
    if (again.trace_hash != verdict.trace_hash) {
      verdict.rule = "a seed is a run";
      verdict.details = "the second run of it went another way";
    }
  }
  ::alarm(0);
  if (verdict.rule.empty()) return true;
  const std::string command = replay(arguments, seed);
  std::printf("%s\nFAILED seed %llu\n  rule:   %s\n  saw:    %s\n  replay: %s\n",
              verdict.story.c_str(), static_cast<unsigned long long>(seed), verdict.rule.c_str(),
              verdict.details.c_str(), command.c_str());
  std::fflush(stdout);
  return false;
}

// What a child tells its parent over a pipe: a seed begins, or ended well or badly.
struct Message {
  std::uint64_t seed;
  char what;  // 'b', 'p', 'f'
};

// A process that runs every `step`-th seed from `seed` on.
struct Child {
  pid_t id = 0;
  int pipe = -1;
  std::uint64_t next = 0;
  std::uint64_t running = 0;  // 0: none
};

void start_child(Child& child, const Arguments& arguments, std::uint64_t step) {
  int ends[2];
  if (::pipe(ends) != 0) std::abort();
  std::fflush(stdout);
  child.id = ::fork();
  if (child.id == 0) {
    ::close(ends[0]);
    const auto tell = [&](std::uint64_t seed, char what) {
      const Message message{seed, what};
      if (::write(ends[1], &message, sizeof message) != sizeof message) ::_exit(1);
    };
    for (std::uint64_t seed = child.next; seed <= arguments.last; seed += step) {
      tell(seed, 'b');
      tell(seed, run_seed(arguments, seed, seed % check_every == 0) ? 'p' : 'f');
    }
    ::_exit(0);
  }
  ::close(ends[1]);
  child.pipe = ends[0];
}

int run_all(const Arguments& arguments) {
  const auto begun = std::chrono::steady_clock::now();
  const std::uint64_t processes = std::max(1u, std::thread::hardware_concurrency());
  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::vector<Child> children(processes);
  std::vector<std::thread> watchers;
  for (std::uint64_t i = 0; i < processes; ++i) {
    children[i].next = arguments.first + i;
    start_child(children[i], arguments, processes);
  }
  // The pipes are read one after the other; their children do not wait for it before they have
  // written thousands of seeds.
  for (Child& child : children) {
    for (;;) {
      Message message;
      if (::read(child.pipe, &message, sizeof message) == sizeof message) {
        child.running = message.what == 'b' ? message.seed : 0;
        child.next = message.seed + processes;
        passed += message.what == 'p';
        failed += message.what == 'f';
        continue;
      }
      ::close(child.pipe);
      ::waitpid(child.id, nullptr, 0);
      if (child.running == 0) break;
      // It died: an assertion, a sanitizer, or it hung.
      ++failed;
      std::printf("FAILED seed %llu\n  rule:   the server does not die\n  replay: %s\n",
                  static_cast<unsigned long long>(child.running),
                  replay(arguments, child.running).c_str());
      child.running = 0;
      if (child.next > arguments.last) break;
      start_child(child, arguments, processes);
    }
  }
  print_tally();
  const auto taken = std::chrono::steady_clock::now() - begun;
  std::printf("%llu seeds in %.1f s\n%llu passed, %llu failed\n",
              static_cast<unsigned long long>(passed + failed),
              std::chrono::duration<double>(taken).count(), static_cast<unsigned long long>(passed),
              static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc{} && end == text.data() + text.size()) return value;
  std::fprintf(stderr, "not a number: %.*s\n", static_cast<int>(text.size()), text.data());
  std::exit(64);
}

}  // namespace

int run(int count, char** words) {
  Arguments arguments;
  bool single = false;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    const std::string_view value = i + 1 < count ? words[i + 1] : "";
    if (word == "--verbose") {
      arguments.verbose = true;
      continue;
    }
    if (word == "--fleet") {
      arguments.wishes.fleet = true;
      continue;
    }
    if (word == "--goes-back") {
      arguments.wishes.goes_back = true;
      continue;
    }
    ++i;
    if (word == "--seed") {
      arguments.first = arguments.last = number(value);
      single = true;
    } else if (word == "--seeds" && value.find("..") != std::string_view::npos) {
      arguments.first = number(value.substr(0, value.find("..")));
      arguments.last = number(value.substr(value.find("..") + 2));
    } else if (word == "--count") {
      arguments.last = arguments.first + number(value) - 1;
    } else if (word == "--shards") {
      arguments.wishes.shards = static_cast<unsigned>(number(value));
    } else if (word == "--servers") {
      arguments.wishes.servers = std::max(1u, static_cast<unsigned>(number(value)));
    } else {
      std::fprintf(stderr,
                   "usage: sim [--seed N | --seeds A..B | --count N] [--fleet] [--servers N] "
                   "[--goes-back] [--shards N] [--verbose]\n");
      return 64;
    }
  }
  share_tally();
  if (!single) return run_all(arguments);
  const bool passed = run_seed(arguments, arguments.first, true);
  std::printf("%d passed, %d failed\n", passed ? 1 : 0, passed ? 0 : 1);
  return passed ? 0 : 1;
}

}  // namespace starling::sim

int main(int count, char** words) { return starling::sim::run(count, words); }
