// Prints a page that is written from a table of the program: reference configuration.md
#include <cstdio>
#include <string_view>

#include "server/exit_code.hpp"
#include "server/reference.hpp"

int main(int argc, char** argv) {
  using namespace starling::server;
  if (argc == 2 && std::string_view{argv[1]} == "configuration.md") {
    std::fputs(configuration_page().c_str(), stdout);
    return exit_ok;
  }
  std::fputs("usage: reference configuration.md\n", stderr);
  return exit_usage;
}
