#include "server/commands/output.hpp"

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

int usage_error(const std::string& what) {
  return fail(exit_usage, what + "\nTry 'starling --help'.");
}

}  // namespace starling::server
