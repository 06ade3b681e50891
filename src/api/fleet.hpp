// The servers of a fleet, as GET /api/fleet and `starling status` show them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.hpp"
#include "chat/fleet_view.hpp"

namespace starling::api {

struct FleetEntry {
  std::string server_id;
  std::string address;
  std::string version;
  base::WallMs started_at = 0;
  std::uint64_t connections = 0;
  std::uint64_t rooms = 0;  // with members connected there
  bool alive = true;        // false: silent; the rest is what it said last
  std::string_view bus;     // "none", "ok" or "away"
  bool archive = false;     // it can write
};

// Another server, as it is known here.
FleetEntry fleet_entry(const std::string& id, const chat::FleetView::Server& server);

// {"servers":[...]}
std::string fleet_json(const std::vector<FleetEntry>& servers);

}  // namespace starling::api
