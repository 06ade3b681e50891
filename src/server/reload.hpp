// What a running server takes over of new settings.
#pragma once

#include <string>
#include <vector>

#include "starling/config.hpp"

namespace starling::server {

struct Reload {
  Config config;                      // the running settings with what may change at once
  std::vector<std::string> changed;   // keys that did
  std::vector<std::string> deferred;  // keys that differ and wait for a restart
};

Reload reload(const Config& running, const Config& wanted);

}  // namespace starling::server
