// Plan: what a seed makes of a run. Swarm style: each seed has its own set of faults, its own rates
// of them, its own numbers of clients and rooms, and limits that are small so that they are met.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "broker_sim.hpp"
#include "client.hpp"
#include "disk_sim.hpp"
#include "fault.hpp"
#include "mysql_sim.hpp"
#include "network.hpp"
#include "process.hpp"
#include "random.hpp"

namespace starling::sim {

struct Event {
  enum class What : std::uint8_t {
    kill,        // kill -9 between two steps
    kill_in_io,  // kill -9 at one of the next calls of the disk, or in a statement
    power_loss,  // the same, and the disk keeps what was synced and some of the rest
    power_loss_in_io,
    drain,       // an orderly stop
    full_disk,   // for a while
    bad_syncs,   // for a while
    clock_jump,  // of the wall clock
    // From here on: of fleets.
    freeze,         // SIGSTOP, and SIGCONT some time later
    database_dies,  // and is there again, at once or some time later
    database_full,  // for a while
    database_cut,   // from one server, for a while
    bus_dies,       // and is there again, at once or some time later
    bus_blocked,    // for a while
    bus_cut,        // from one server, for a while
    database_back,  // it dies, and is there again as it was some time ago
  };
  base::Duration at{};
  What what{};
  unsigned server = 1;  // that it happens to
};

struct Plan {
  NetworkFaults network;
  DiskFaults disk;
  ProcessOptions process;
  unsigned servers = 0;  // that share a database; 0: one, with an archive of its own
  MysqlFaults database;
  bool goes_back = false;
  BrokerFaults bus;
  std::vector<Habits> clients;
  unsigned rest_clients = 0;
  std::vector<Event> events;      // in the order of time
  Fault fault = Fault::none;      // the one that is sure
  std::uint64_t fault_at = 0;     // of the calls that it concerns, from 1
  base::Duration chaos{};         // how long things go wrong
  unsigned step_us = 20;          // virtual time between two steps, at most
  unsigned network_weight = 500;  // per thousand steps that try the network first
};

// What is given takes the place of what the seed says. A seed alone is one server; `fleet`: two or
// three.
struct Wishes {
  std::optional<unsigned> shards;
  std::optional<unsigned> servers;
  bool fleet = false;
  bool goes_back = false;  // a fleet whose database loses commits once
};

Plan make_plan(Random& random, const Wishes& wishes);

}  // namespace starling::sim
