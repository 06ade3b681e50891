// in_turn: every completion, write, sync, read and allocation of twenty scenarios fails in turn.
//
//   in_turn [--quick] [--fault NAME] [--scenario N]
// The n-th call of a scenario fails, n counted up until the scenario has no n-th call. `--quick`
// leaves out most of them, others in each scenario.
//   in_turn --fault NAME --scenario N --at n [--verbose]
// is one run.
//
// Ends with "N passed, N failed"; 0 if none failed. A run that failed is printed with the command
// that replays it and the rule that was broken.
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

#include "base/check.hpp"
#include "scenarios.hpp"
#include "tally.hpp"
#include "world.hpp"

namespace starling::sim {
namespace {

constexpr unsigned run_seconds = 120;  // a run that takes longer than this hangs
constexpr auto faults = static_cast<std::size_t>(Fault::last);
constexpr std::array<std::string_view, faults> names{
    "none", "completion", "shortfall", "write", "full", "sync", "read", "allocation"};
// From one call that `--quick` tries to the next: about as many runs for each fault.
constexpr std::array<std::uint64_t, faults> quick_steps{1, 9, 9, 9, 9, 3, 5, 500};

struct Arguments {
  bool quick = false;
  std::optional<Fault> fault;
  std::optional<std::size_t> scenario;
  std::uint64_t at = 0;  // 0: all
  bool verbose = false;
};

// One fault through one scenario: what its child process has come to, in shared memory.
struct Job {
  Fault fault{};
  std::size_t scenario = 0;
  std::uint64_t step = 1;
  std::atomic<std::uint64_t> at = 1;  // tried now
  std::atomic<std::uint64_t> passed = 0;
  std::atomic<std::uint64_t> failed = 0;
  std::atomic<bool> done = false;
};

std::string command_of(const Job& job) {
  return "in_turn --fault " + std::string{names[static_cast<std::size_t>(job.fault)]} +
         " --scenario " + std::to_string(job.scenario + 1) + " --at " + std::to_string(job.at);
}

void complain(const Job& job, std::string_view rule, std::string_view details) {
  std::printf("FAILED %s\n  rule:   %.*s\n  saw:    %.*s\n  replay: %s\n",
              scenarios()[job.scenario].name, static_cast<int>(rule.size()), rule.data(),
              static_cast<int>(details.size()), details.data(), command_of(job).c_str());
  std::fflush(stdout);
}

// False: the scenario has no such call any more.
bool run_one(Job& job, bool verbose) {
  ::alarm(run_seconds);
  const Scenario& scenario = scenarios()[job.scenario];
  const std::uint64_t seed = job.scenario + 1;
  const Verdict verdict = World{seed, make_plan(scenario, job.fault, job.at), verbose}.run();
  ::alarm(0);
  const bool met = calls_of_fault() >= job.at;
  if (!verdict.rule.empty()) {
    if (verbose) std::printf("%s\n", verdict.story.c_str());
    complain(job, verdict.rule, verdict.details);
    ++job.failed;
  } else if (met) {
    ++job.passed;
  }
  return met;
}

pid_t start(Job& job) {
  std::fflush(stdout);
  const pid_t child = ::fork();
  if (child != 0) return child;
  while (run_one(job, false)) job.at += job.step;
  job.done = true;
  ::_exit(0);
}

int run_all(const Arguments& arguments) {
  const auto begun = std::chrono::steady_clock::now();
  constexpr std::size_t most_jobs = 1'000;
  void* memory = ::mmap(nullptr, most_jobs * sizeof(Job), PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  CHECK(memory != MAP_FAILED);
  std::deque<Job*> waiting;
  std::deque<Job*> jobs;
  for (std::size_t fault = 1; fault < faults; ++fault) {
    if (arguments.fault && static_cast<std::size_t>(*arguments.fault) != fault) continue;
    for (std::size_t i = 0; i < scenarios().size(); ++i) {
      if (arguments.scenario && *arguments.scenario != i) continue;
      CHECK(jobs.size() < most_jobs);
      Job* job = new (static_cast<Job*>(memory) + jobs.size()) Job{};
      job->fault = static_cast<Fault>(fault);
      job->scenario = i;
      if (arguments.quick) job->step = quick_steps[fault];
      job->at = 1 + i % job->step;
      jobs.push_back(job);
    }
  }
  waiting = jobs;
  std::map<pid_t, Job*> running;
  const std::size_t processes = std::max(1u, std::thread::hardware_concurrency());
  while (!waiting.empty() || !running.empty()) {
    while (!waiting.empty() && running.size() < processes) {
      running[start(*waiting.front())] = waiting.front();
      waiting.pop_front();
    }
    const pid_t ended = ::wait(nullptr);
    Job& job = *running.at(ended);
    running.erase(ended);
    if (job.done) continue;
    // It died: an assertion, a sanitizer, or it hung.
    ++job.failed;
    complain(job, "the server does not die", "it died");
    job.at += job.step;
    waiting.push_front(&job);
  }

  std::uint64_t passed = 0;
  std::uint64_t failed = 0;
  std::map<Fault, std::uint64_t> runs;
  for (const Job* job : jobs) {
    passed += job->passed;
    failed += job->failed;
    runs[job->fault] += job->passed + job->failed;
  }
  for (const auto& [fault, count] : runs) {
    std::printf("%12llu %s\n", static_cast<unsigned long long>(count),
                names[static_cast<std::size_t>(fault)].data());
  }
  const auto taken = std::chrono::steady_clock::now() - begun;
  std::printf("%zu scenarios in %.1f s\n%llu passed, %llu failed\n", scenarios().size(),
              std::chrono::duration<double>(taken).count(), static_cast<unsigned long long>(passed),
              static_cast<unsigned long long>(failed));
  return failed == 0 && passed > 0 ? 0 : 1;
}

[[noreturn]] void usage() {
  std::fprintf(stderr,
               "usage: in_turn [--quick] [--fault NAME] [--scenario N [--at N]] [--verbose]\n");
  std::exit(64);
}

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || value == 0) usage();
  return value;
}

Arguments read_arguments(int count, char** words) {
  Arguments arguments;
  for (int i = 1; i < count; ++i) {
    const std::string_view word = words[i];
    if (word == "--verbose") {
      arguments.verbose = true;
      continue;
    }
    if (word == "--quick") {
      arguments.quick = true;
      continue;
    }
    if (++i == count) usage();
    const std::string_view value = words[i];
    if (word == "--fault") {
      const auto found = std::ranges::find(names, value);
      if (found == names.end() || value == "none") usage();
      arguments.fault = static_cast<Fault>(found - names.begin());
    } else if (word == "--scenario" && number(value) <= scenarios().size()) {
      arguments.scenario = number(value) - 1;
    } else if (word == "--at") {
      arguments.at = number(value);
    } else {
      usage();
    }
  }
  if (arguments.at > 0 && (!arguments.fault || !arguments.scenario)) usage();
  return arguments;
}

int run(int count, char** words) {
  const Arguments arguments = read_arguments(count, words);
  let_allocations_fail();
  share_tally();
  if (arguments.at == 0) return run_all(arguments);
  Job job;
  job.fault = *arguments.fault;
  job.scenario = *arguments.scenario;
  job.at = arguments.at;
  if (!run_one(job, arguments.verbose)) std::printf("the scenario has no such call\n");
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(job.passed),
              static_cast<unsigned long long>(job.failed));
  return job.failed == 0 ? 0 : 1;
}

}  // namespace
}  // namespace starling::sim

int main(int count, char** words) { return starling::sim::run(count, words); }
