// World: one run. A server and its disk, or several with their database and their bus; the network,
// clients, and what goes wrong, from one seed.
//
// First things go wrong for a while (crashes, losses of power, a full disk, failing syncs, cut
// connections), with an audit of the archive after every crash. Then all is kind, clients come back
// and stay, and everything must settle: every member of a room has been given all of it, every
// question is answered, presence agrees with who is there, no buffer is kept. Last the server is
// told to stop, and must.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client.hpp"
#include "disk_sim.hpp"
#include "judge.hpp"
#include "ledger.hpp"
#include "network.hpp"
#include "plan.hpp"
#include "random.hpp"
#include "rest_client.hpp"
#include "server.hpp"

namespace starling::sim {

struct Verdict {
  std::string rule;  // empty: none was broken
  std::string details;
  std::uint64_t trace_hash = 0;
  std::string story;  // what clients heard last, where a rule was broken
};

class World {
 public:
  World(std::uint64_t seed, const Wishes& wishes, bool verbose);
  World(std::uint64_t seed, const Plan& plan, bool verbose);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  Verdict run();

 private:
  using Planner = std::function<Plan(Random& random)>;
  World(std::uint64_t seed, const Planner& planner, bool verbose);
  void make_users();
  void audit();
  void step();
  bool some_server_moves(bool network_first);
  void pass_time();
  void happen(const Event& event);
  void happen_to_all(const Event& event);
  void go_wrong();
  void settle();
  void check_quiet();
  void check_presence();
  void check_typing();
  void check_hurry();
  void let_go();
  bool all_run() const;
  bool any_runs() const;
  std::string unsettled() const;
  std::string story() const;

  Random random_;
  Judge judge_;
  const Plan plan_;
  Disk disk_;
  std::unique_ptr<MysqlSim> database_;  // of a fleet
  std::unique_ptr<BrokerSim> broker_;
  Ledger ledger_;
  std::vector<std::unique_ptr<Server>> servers_;
  Balancer balancer_;
  std::vector<std::unique_ptr<Client>> clients_;
  std::vector<std::unique_ptr<RestClient>> rest_clients_;
  std::size_t next_event_ = 0;
  base::Instant began_{};
};

}  // namespace starling::sim
