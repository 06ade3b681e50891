// Progress: once a second, where somebody watches: what is done, and how long it will take.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>

#include "poller.hpp"

namespace starling::bench {

class Progress {
 public:
  ~Progress() {
    if (told_) std::fputc('\n', stderr);
  }

  void tell(std::int64_t left_ns, std::uint64_t done, const char* of_what) {
    if (!watched_) return;
    told_ = true;
    std::fprintf(stderr, "\r%lld s left, %llu %s ",
                 static_cast<long long>(std::max<std::int64_t>(0, left_ns) / second_ns),
                 static_cast<unsigned long long>(done), of_what);
  }

 private:
  bool watched_ = ::isatty(STDERR_FILENO) == 1;
  bool told_ = false;
};

}  // namespace starling::bench
