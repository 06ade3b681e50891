#include "base/check.hpp"

#include <cstdio>
#include <cstdlib>

namespace starling::base {

void check_failed(const char* expression, const char* file, int line) noexcept {
  std::fprintf(stderr, "starling: internal error: CHECK(%s) failed at %s:%d\n", expression, file,
               line);
  std::abort();
}

}  // namespace starling::base
