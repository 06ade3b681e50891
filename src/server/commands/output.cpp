#include "server/commands/output.hpp"

#include <cerrno>
#include <cstdio>

#include "server/exit_code.hpp"

namespace starling::server {

int print(const std::string& text) {
  std::fputs(text.c_str(), stdout);
  return exit_ok;
}

int fail(int code, const std::string& message) {
  std::fprintf(stderr, "starling: %s\n", message.c_str());
  return code;
}

int exit_code_of(const base::Error& error) {
  switch (error.system_errno) {
    case ENOENT:
      return exit_no_input;
    case EEXIST:
      return exit_cannot_create;
    case EBADMSG:
      return exit_bad_data;
    case EBUSY:
    case EHOSTUNREACH:
      return exit_unavailable;
    default:
      return exit_io;
  }
}

int usage_error(const std::string& what) {
  return fail(exit_usage, what + "\nTry 'starling --help'.");
}

}  // namespace starling::server
