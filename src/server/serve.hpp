// The running server: its parts, their threads, their beginning and their end.
#pragma once

#include "starling/config.hpp"

namespace starling::server {

// Serves until a signal says to stop. Returns the process's exit code.
int serve(const Config& config);

}  // namespace starling::server
