// Scenarios: short runs in which nothing goes wrong by chance, each with one thing that a server
// has to live with, so that the one fault of a run meets it at every place.
#pragma once

#include <span>

#include "fault.hpp"
#include "plan.hpp"

namespace starling::sim {

struct Scenario {
  const char* name;
  void (*shape)(Plan& plan);
};

std::span<const Scenario> scenarios();

Plan make_plan(const Scenario& scenario, Fault fault, std::uint64_t at);

}  // namespace starling::sim
