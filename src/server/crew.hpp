// Crew: the shards and their threads. Each shard is made on the thread that will turn it, because
// its ring belongs to that thread; all then wait until the rest of the server is there.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/result.hpp"
#include "shard/shard.hpp"

namespace starling::server {

// How many cores this process may use (its affinity mask), at least 1 and at most `most`.
unsigned usable_cores(unsigned most);

// Names the calling thread for ps(1) and top(1); at most 15 characters.
void name_thread(const std::string& name);

// Lives on the main thread.
class Crew {
 public:
  Crew() = default;
  ~Crew();  // ends what still runs
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  // Makes one shard for each of `options`, which are in the order of their index. With `pin`, shard
  // n stays on the n-th core that the process may use. Fails with what the first failing ring said.
  base::Result<void> start(std::vector<shard::ShardOptions> options, bool pin);
  // The shards turn from now on. Once, after start().
  void run();

  void drain();  // all of them
  bool drained() const;
  // Ends the threads: those that are not drained are cut off.
  void stop();

  const std::vector<shard::Shard*>& shards() const { return shards_; }
  std::vector<shard::ShardMetrics> metrics() const;
  // Grows while the shard turns.
  const std::atomic<std::uint64_t>& turns(std::size_t shard) const {
    return members_[shard]->turns;
  }

 private:
  struct Member {
    std::unique_ptr<shard::Shard> shard;
    std::promise<std::string> made;  // what went wrong; empty: nothing
    std::atomic<bool> drained{false};
    std::atomic<std::uint64_t> turns{0};
    std::thread thread;
  };
  void live(Member& member, const shard::ShardOptions& options, bool pin);

  std::vector<std::unique_ptr<Member>> members_;
  std::vector<shard::Shard*> shards_;
  std::promise<bool> may_run_;  // false: end without a turn
  std::shared_future<bool> may_run_future_ = may_run_.get_future().share();
  bool started_running_ = false;
  std::atomic<bool> give_up_{false};
};

}  // namespace starling::server
