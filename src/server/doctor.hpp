// Doctor: looks at what a server needs of its host and of others, and says what is wrong in a line
// with cause and cure. It changes nothing.
#pragma once

#include <string>
#include <vector>

#include "server/exit_code.hpp"
#include "starling/config.hpp"

namespace starling::server {

struct Finding {
  enum class State : std::uint8_t {
    ok,
    warning,  // it works, and something will be missed
    failed,   // a server cannot start so, or does not do its work
  };
  std::string subject;  // "io_uring", "archive", ...
  State state = State::ok;
  std::string what;         // how it is, and why
  std::string cure{};       // what to do; of what is not ok
  int exit_code = exit_ok;  // of what failed
};

// What the settings name: data folder, io_uring, descriptors, archive, broker, ports. Blocks for
// seconds where somebody does not answer.
std::vector<Finding> examine_settings(const Config& config);

// Also the server that runs on the data folder, if one does, the others that it hears, and clocks.
std::vector<Finding> examine_all(const Config& config);

// A line for each, and the exit code: that of the first that failed.
std::string findings_text(const std::vector<Finding>& findings);
std::string findings_json(const std::vector<Finding>& findings);
int exit_code_of(const std::vector<Finding>& findings);

}  // namespace starling::server
