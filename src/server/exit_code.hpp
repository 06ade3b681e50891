// Exit codes: sysexits.h(3head), so that systemd and scripts can tell what happened.
#pragma once

namespace starling::server {

enum ExitCode : int {
  exit_ok = 0,
  exit_usage = 64,          // the command line
  exit_bad_data = 65,       // what was given is damaged or something else
  exit_no_input = 66,       // a file that was named is not there
  exit_no_user = 67,        // a user that was named is not there
  exit_unavailable = 69,    // a port is taken, the data folder is in use
  exit_internal = 70,       // what nothing works without is not there: random numbers
  exit_os = 71,             // the system lacks something: io_uring
  exit_cannot_create = 73,  // a file that was to be made is there
  exit_io = 74,
  exit_temporary = 75,     // it works in part, and may work again by itself
  exit_config = 78,        // the configuration
  exit_interrupted = 130,  // a second SIGINT
  exit_terminated = 143,   // a second SIGTERM
};

}  // namespace starling::server
