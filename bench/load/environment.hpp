// The circumstances of a run.
#pragma once

#include <string>

#include "options.hpp"
#include "proto/json_writer.hpp"

namespace starling::bench {

// An object: the build, the machine, who may run where, and the exact command.
void write_environment(proto::JsonWriter& json, const Options& options,
                       const std::string& load_before);

}  // namespace starling::bench
