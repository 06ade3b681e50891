// What the kernel tells of processes and of the machine.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace starling::bench {

// CPU time of a process by the names of its threads, from schedstat (nanoseconds; utime counts
// ticks and is useless for this).
struct Usage {
  std::map<std::string, std::uint64_t> thread_cpu_ns;

  std::uint64_t cpu_ns() const;
};
Usage usage_of(int pid);

// Processes at one moment. Those that have ended count as nothing.
struct Snapshot {
  Usage usage;
  std::uint64_t private_bytes = 0;  // private dirty memory, from smaps_rollup
  // Of the kernel, for the whole machine: slab, and the pages of TCP's buffers.
  std::uint64_t kernel_bytes = 0;
};
Snapshot snapshot_of(const std::vector<int>& pids);

// "0-3,5": where a process may run, from status.
std::string allowed_cpus(int pid);
// Of the last minute.
std::string load_average();
std::string cpu_model();

}  // namespace starling::bench
