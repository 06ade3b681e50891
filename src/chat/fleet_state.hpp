// FleetState: what the bus knows of the fleet, as other threads may ask. The threads of the bus
// write it; shards decide by it how often they ask the archive what the bus may not have told them.
#pragma once

#include <atomic>

namespace starling::chat {

struct FleetState {
  std::atomic<bool> publishing{false};  // the broker takes what this server says
  std::atomic<bool> hearing{false};     // and what it says comes back in time
  std::atomic<bool> complete{false};    // no server that was there has fallen silent

  // The bus works, as far as this server can tell.
  bool bus_up() const {
    return publishing.load(std::memory_order_relaxed) && hearing.load(std::memory_order_relaxed);
  }
  // And so do all the servers that are known: nothing is to be expected from the archive alone.
  bool all_well() const { return bus_up() && complete.load(std::memory_order_relaxed); }
};

}  // namespace starling::chat
