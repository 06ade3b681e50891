#include "server/out_of_memory.hpp"

#include <unistd.h>

#include <new>
#include <string_view>

#include "server/exit_code.hpp"

namespace starling::server {
namespace {

void end() {
  constexpr std::string_view text =
      "starling: the system has no memory left; see limits.memory_bytes\n";
  // Nobody is left to tell that it could not be written.
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, text.data(), text.size());
  ::_exit(exit_os);
}

}  // namespace

void end_when_memory_ends() { std::set_new_handler(&end); }

}  // namespace starling::server
