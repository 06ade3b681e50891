// Commands that work on a server's data folder: backup and restore. They return exit codes and say
// on standard error what went wrong.
#pragma once

#include <string>

#include "starling/config.hpp"

namespace starling::server {

// Whether or not a server runs on it.
int back_up_data(const Config& config, const std::string& file);
// Only where no server runs.
int restore_data(const Config& config, const std::string& file, bool replace);

}  // namespace starling::server
