// starling migrate: the schema of a MySQL archive.
#pragma once

#include "starling/config.hpp"

namespace starling::server {

struct MigrateFlags {
  bool up = false;       // else: say how it stands
  bool dry_run = false;  // say what `up` would do
  bool json = false;
};

// Prints to standard output; 0 or an exit code, after the failure was said.
int migrate(const Config& config, const MigrateFlags& flags);

}  // namespace starling::server
