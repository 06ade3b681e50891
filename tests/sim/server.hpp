// Server: a place where a server runs: its kernel's sockets, its process while there is one, and
// what becomes of both.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "disk_sim.hpp"
#include "io/clock.hpp"
#include "ledger.hpp"
#include "mysql_sim.hpp"
#include "network.hpp"
#include "process.hpp"
#include "random.hpp"

namespace starling::sim {

class Server {
 public:
  Server(unsigned number, const ProcessOptions& options, const NetworkFaults& faults,
         Random& random, Disk& disk, Ledger& ledger, MysqlSim* database);

  // Starts what has been away long enough, ends what has died or is done.
  void look_after();
  // Something that can happen here happens. False: nothing can.
  bool step(bool network_first);
  // When something can.
  std::optional<base::Instant> next() const;

  // However it ends: its memory is gone, the network hangs up, the disk keeps what it keeps.
  void stop(bool power_lost);
  void drain();
  void freeze(base::Duration length);  // SIGSTOP, and SIGCONT then
  // The same as soon as its writer waits for the database. length 0: kill -9.
  void strike_in_transaction(base::Duration length) { strike_ = length; }
  void power_goes_too(bool with_the_next_crash) { power_goes_too_ = with_the_next_crash; }
  // Ends, and does not come again.
  void retire() {
    retired_ = true;
    drain();
  }
  // From here on nothing goes wrong.
  void heal();

  bool runs() const { return process_ != nullptr; }
  bool draining() const { return draining_; }
  Network& network() { return network_; }
  const Process& process() const { return *process_; }

 private:
  void start();
  bool frozen() const { return io::now() < frozen_until_; }

  const std::string name_;
  const ProcessOptions options_;
  Random& random_;
  Disk& disk_;
  Ledger& ledger_;
  MysqlSim* const database_;  // that it shares with others; nullptr: it is alone
  Network network_;
  std::unique_ptr<Process> process_;
  unsigned starts_ = 0;
  base::Instant restart_at_{};
  base::Instant frozen_until_{};
  std::optional<base::Duration> strike_;
  bool kind_ = false;
  bool retired_ = false;
  bool draining_ = false;
  bool power_goes_too_ = false;
};

}  // namespace starling::sim
