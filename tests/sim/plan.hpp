// Plan: what a seed makes of a run. Swarm style: each seed has its own set of faults, its own rates
// of them, its own numbers of clients and rooms, and limits that are small so that they are met.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "client.hpp"
#include "disk_sim.hpp"
#include "fault.hpp"
#include "network.hpp"
#include "process.hpp"
#include "random.hpp"

namespace starling::sim {

struct Event {
  enum class What : std::uint8_t {
    kill,        // kill -9 between two steps
    kill_in_io,  // kill -9 at one of the next calls of the disk
    power_loss,  // the same, and the disk keeps what was synced and some of the rest
    power_loss_in_io,
    drain,       // an orderly stop
    full_disk,   // for a while
    bad_syncs,   // for a while
    clock_jump,  // of the wall clock
  };
  base::Duration at{};
  What what{};
};

struct Plan {
  NetworkFaults network;
  DiskFaults disk;
  ProcessOptions process;
  std::vector<Habits> clients;
  unsigned rest_clients = 0;
  std::vector<Event> events;      // in the order of time
  Fault fault = Fault::none;      // the one that is sure
  std::uint64_t fault_at = 0;     // of the calls that it concerns, from 1
  base::Duration chaos{};         // how long things go wrong
  unsigned step_us = 20;          // virtual time between two steps, at most
  unsigned network_weight = 500;  // per thousand steps that try the network first
};

// `shards`: instead of what the seed says.
Plan make_plan(Random& random, std::optional<unsigned> shards);

}  // namespace starling::sim
