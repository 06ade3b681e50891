// Server: a place where a server runs: its kernel's sockets, its process while there is one, and
// what becomes of both.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/time.hpp"
#include "disk_sim.hpp"
#include "ledger.hpp"
#include "network.hpp"
#include "process.hpp"
#include "random.hpp"

namespace starling::sim {

class Server {
 public:
  Server(unsigned number, const ProcessOptions& options, const NetworkFaults& faults,
         Random& random, Disk& disk, Ledger& ledger);

  // Starts what has been away long enough, ends what has died or is done.
  void look_after();
  // Something that can happen here happens. False: nothing can.
  bool step(bool network_first);
  // When something can.
  std::optional<base::Instant> next() const;

  // However it ends: its memory is gone, the network hangs up, the disk keeps what it keeps.
  void stop(bool power_lost);
  void drain();
  void power_goes_too(bool with_the_next_crash) { power_goes_too_ = with_the_next_crash; }
  // From here on nothing goes wrong.
  void heal();

  bool runs() const { return process_ != nullptr; }
  bool draining() const { return draining_; }
  Network& network() { return network_; }
  const Process& process() const { return *process_; }

 private:
  void start();

  const std::string name_;
  const ProcessOptions options_;
  Random& random_;
  Disk& disk_;
  Ledger& ledger_;
  Network network_;
  std::unique_ptr<Process> process_;
  base::Instant restart_at_{};
  bool kind_ = false;
  bool draining_ = false;
  bool power_goes_too_ = false;
};

}  // namespace starling::sim
