// What the kernel tells of processes and of the machine.
#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace starling::bench {

// CPU time of a process by the names of its threads, from schedstat (nanoseconds; utime counts
// ticks and is useless for this).
struct Usage {
  std::map<std::string, std::uint64_t> thread_cpu_ns;

  std::uint64_t cpu_ns() const;
};
Usage usage_of(int pid);

// Private dirty memory of a process in bytes, from smaps_rollup.
std::uint64_t private_bytes(int pid);

// A process at one moment.
struct Snapshot {
  Usage usage;
  std::uint64_t private_bytes = 0;
  std::uint64_t slab_bytes = 0;  // of the kernel, for the whole machine
};
Snapshot snapshot_of(int pid);

// "0-3,5": where a process may run, from status.
std::string allowed_cpus(int pid);
// Of the last minute.
std::string load_average();
std::string cpu_model();

}  // namespace starling::bench
