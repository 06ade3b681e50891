#include "io/clock.hpp"

namespace starling::io {

base::Instant now() { return std::chrono::steady_clock::now(); }

base::WallMs wall_clock() {
  using std::chrono::milliseconds;
  const auto since_epoch = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<milliseconds>(since_epoch).count();
}

}  // namespace starling::io
