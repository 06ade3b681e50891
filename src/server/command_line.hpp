// The command line: starling <command> [options].
#pragma once

namespace starling::server {

// Reads the command line, does what it says, and returns the process's exit code.
int run_command_line(int argc, char** argv);

}  // namespace starling::server
