#include "server/command_line.hpp"
#include "server/out_of_memory.hpp"

int main(int argc, char** argv) {
  starling::server::end_when_memory_ends();
  return starling::server::run_command_line(argc, argv);
}
