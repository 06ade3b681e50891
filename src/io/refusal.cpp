#include "io/refusal.hpp"

#include <sys/resource.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace starling::io {
namespace {

int read_number(const char* path) {
  std::ifstream file{path};
  int number = -1;
  return file >> number ? number : -1;
}

}  // namespace

std::string explain_refusal(const RefusalFacts& facts) {
  std::string text = "io_uring is not available: io_uring_setup: ";
  text += std::strerror(facts.error);
  switch (facts.error) {
    case ENOSYS:
      text +=
          "\n  cause: the kernel was built without io_uring, or a seccomp profile hides it"
          "\n  cure:  use a kernel of version 6.1 or later; in a container allow io_uring_setup, "
          "io_uring_enter and io_uring_register in the seccomp profile";
      break;
    case EPERM:
      if (facts.disabled_sysctl == 1) {
        text += "\n  cause: kernel.io_uring_disabled=1 allows it to privileged users only";
        text +=
            "\n  cure:  sysctl kernel.io_uring_disabled=0, or put the server's user into the "
            "group of kernel.io_uring_group";
        if (facts.group_sysctl >= 0) {
          text += " (now " + std::to_string(facts.group_sysctl) + ")";
        }
      } else if (facts.disabled_sysctl == 2) {
        text +=
            "\n  cause: kernel.io_uring_disabled=2 forbids it to everybody"
            "\n  cure:  sysctl kernel.io_uring_disabled=0";
      } else {
        text +=
            "\n  cause: a seccomp profile blocks io_uring (the default of most containers)"
            "\n  cure:  run with a profile that allows io_uring_setup, io_uring_enter and "
            "io_uring_register (--security-opt seccomp=PROFILE)";
      }
      break;
    case ENOMEM:
      text += "\n  cause: the limit of locked memory is too small: RLIMIT_MEMLOCK is " +
              std::to_string(facts.memlock_soft) + " bytes (hard limit " +
              std::to_string(facts.memlock_hard) + "), counted per user" +
              "\n  cure:  raise it: ulimit -l, or LimitMEMLOCK= of the systemd unit";
      break;
    default:
      text +=
          "\n  cause: unknown to this program"
          "\n  cure:  use a kernel of version 6.1 or later and look into the kernel's log";
  }
  return text;
}

RefusalFacts gather_refusal_facts(int error) {
  RefusalFacts facts;
  facts.error = error;
  facts.disabled_sysctl = read_number("/proc/sys/kernel/io_uring_disabled");
  facts.group_sysctl = read_number("/proc/sys/kernel/io_uring_group");
  rlimit memlock{};
  if (::getrlimit(RLIMIT_MEMLOCK, &memlock) == 0) {
    facts.memlock_soft = memlock.rlim_cur;
    facts.memlock_hard = memlock.rlim_max;
  }
  return facts;
}

}  // namespace starling::io
