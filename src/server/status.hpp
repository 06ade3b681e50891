// What `starling status` prints for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "api/fleet.hpp"

namespace starling::server {

// One screen. `servers`: the one that is asked first, then the others that it knows.
std::string status_text(const std::vector<api::FleetEntry>& servers,
                        std::uint64_t deliveries_per_second, bool draining);

}  // namespace starling::server
