// A run as one line of JSON, with the circumstances under which it was made.
#pragma once

#include <string>

#include "options.hpp"
#include "run.hpp"
#include "system.hpp"

namespace starling::bench {

// How things stood before anybody had come.
struct Baseline {
  Snapshot server;
  std::string load_average;
};

std::string report(const Options& options, const Baseline& before, const Result& result);

}  // namespace starling::bench
