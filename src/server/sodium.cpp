#include "server/sodium.hpp"

#include <sodium.h>
#include <unistd.h>

#include <cstdio>

#include "server/exit_code.hpp"

namespace starling::server {
namespace {

void give_up() {
  std::fputs(
      "starling: the system has no random numbers, by getrandom(2) or /dev/urandom; a seccomp "
      "profile or an empty /dev may be why\n",
      stderr);
  ::_exit(exit_internal);
}

}  // namespace

void start_sodium() {
  sodium_set_misuse_handler(&give_up);  // else it aborts without a word
  if (sodium_init() < 0) give_up();
}

}  // namespace starling::server
