// The running server: its parts, their threads, their beginning and their end.
#pragma once

#include <functional>

#include "server/settings.hpp"

namespace starling::server {

// Reads all sources of settings again.
using GatherSettings = std::function<Settings()>;

// Serves by `settings`, which hold no problems, until a signal or `starling drain` says to stop.
// SIGHUP and `starling reload` take over what `gather` finds. Returns the process's exit code.
int serve(const Settings& settings, const GatherSettings& gather);

}  // namespace starling::server
