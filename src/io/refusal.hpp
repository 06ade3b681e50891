// Why the kernel refuses an io_uring, told to the operator: cause and cure.
#pragma once

#include <cstdint>
#include <string>

namespace starling::io {

// What can be known about the host when io_uring_setup(2) has failed.
struct RefusalFacts {
  int error = 0;                   // errno of io_uring_setup
  int disabled_sysctl = -1;        // kernel.io_uring_disabled; -1: not readable
  int group_sysctl = -1;           // kernel.io_uring_group; -1: none
  std::uint64_t memlock_soft = 0;  // RLIMIT_MEMLOCK in bytes
  std::uint64_t memlock_hard = 0;
};

// One message of a few lines.
std::string explain_refusal(const RefusalFacts& facts);

// Reads the facts of this host.
RefusalFacts gather_refusal_facts(int error);

}  // namespace starling::io
