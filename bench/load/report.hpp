// What is read from the system around a measurement.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace starling::bench {

// CPU time of all threads of a process, from schedstat (nanoseconds; utime counts ticks and is
// useless for this).
std::uint64_t cpu_ns(int pid);
// Private dirty memory of a process in bytes, from smaps_rollup.
std::uint64_t private_bytes(int pid);
// Slab of the kernel in bytes, of the whole machine, from meminfo.
std::uint64_t slab_bytes();

// Revision, compiler, kernel, CPU and load, as members of a JSON object.
std::string environment_json();

// The value below which `share` (0 to 1) of the sorted values lie.
double percentile(const std::vector<double>& sorted, double share);

}  // namespace starling::bench
