// What `starling status` prints for people.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "api/fleet.hpp"

namespace starling::server {

// Of the server that is asked, now.
struct Moment {
  std::uint64_t deliveries_per_second = 0;
  std::size_t stalled_threads = 0;
  bool draining = false;
  bool shares_archive = false;  // other servers may use it
};

// One screen. `servers`: the one that is asked first, then the others that it knows.
std::string status_text(const std::vector<api::FleetEntry>& servers, const Moment& moment);

}  // namespace starling::server
