#include "server/crew.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <utility>

#include "base/log.hpp"

namespace starling::server {
namespace {

constexpr base::Duration longest_wait = std::chrono::milliseconds{100};

std::vector<int> usable_core_numbers() {
  cpu_set_t allowed;
  CPU_ZERO(&allowed);
  std::vector<int> cores;
  if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    for (int core = 0; core < CPU_SETSIZE; ++core) {
      if (CPU_ISSET(core, &allowed)) cores.push_back(core);
    }
  }
  return cores;
}

// Where that is refused (a service manager's filter) the shard runs wherever the kernel likes.
void pin_to_core(std::size_t index) {
  const std::vector<int> cores = usable_core_numbers();
  if (cores.empty()) return;
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cores[index % cores.size()], &one);
  const int error = ::pthread_setaffinity_np(::pthread_self(), sizeof one, &one);
  if (error == 0) return;
  base::log(base::LogLevel::warning,
            "a shard could not be pinned to its core; permit sched_setaffinity or leave out "
            "server.pin",
            {{"shard", std::to_string(index)}, {"error", std::strerror(error)}});
}

}  // namespace

unsigned usable_cores(unsigned most) {
  return std::clamp(static_cast<unsigned>(usable_core_numbers().size()), 1u, most);
}

void name_thread(const std::string& name) { ::pthread_setname_np(::pthread_self(), name.c_str()); }

Crew::~Crew() {
  if (!started_running_) {
    started_running_ = true;
    may_run_.set_value(false);
  }
  stop();
}

base::Result<void> Crew::start(std::vector<shard::ShardOptions> options, bool pin) {
  for (shard::ShardOptions& one : options) {
    Member& member = *members_.emplace_back(std::make_unique<Member>());
    member.thread =
        std::thread{[this, &member, pin, own = std::move(one)] { live(member, own, pin); }};
  }
  for (const auto& member : members_) {
    const std::string failure = member->made.get_future().get();
    if (!failure.empty()) return base::failure(failure);
    shards_.push_back(member->shard.get());
  }
  for (shard::Shard* shard : shards_) shard->meet(shards_);
  return {};
}

void Crew::live(Member& member, const shard::ShardOptions& options, bool pin) {
  name_thread("shard-" + std::to_string(options.index));
  if (pin) pin_to_core(options.index);
  auto made = shard::Shard::create(options);
  if (made) member.shard = std::move(*made);
  member.made.set_value(made ? std::string{} : made.error().message);
  if (!made || !may_run_future_.get()) return;
  while (!give_up_.load(std::memory_order_acquire) && member.shard->turn(longest_wait)) {
    // Nobody else writes it: no locked instruction.
    const std::uint64_t turns = member.turns.load(std::memory_order_relaxed);
    member.turns.store(turns + 1, std::memory_order_relaxed);
  }
  member.drained.store(true, std::memory_order_release);
}

void Crew::run() {
  started_running_ = true;
  may_run_.set_value(true);
}

void Crew::drain() {
  for (shard::Shard* shard : shards_) shard->drain();
}

bool Crew::drained() const {
  return std::ranges::all_of(
      members_, [](const auto& member) { return member->drained.load(std::memory_order_acquire); });
}

void Crew::stop() {
  give_up_.store(true, std::memory_order_release);
  for (shard::Shard* shard : shards_) shard->wake();
  for (const auto& member : members_) {
    if (member->thread.joinable()) member->thread.join();
  }
}

std::vector<shard::ShardMetrics> Crew::metrics() const {
  std::vector<shard::ShardMetrics> all;
  for (const shard::Shard* shard : shards_) all.push_back(shard->metrics());
  return all;
}

}  // namespace starling::server
