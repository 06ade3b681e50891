#include "server.hpp"

#include <chrono>

#include "io/clock.hpp"
#include "judge.hpp"
#include "tally.hpp"

namespace starling::sim {

using std::chrono::milliseconds;

Server::Server(unsigned number, const ProcessOptions& options, const NetworkFaults& faults,
               Random& random, Disk& disk, Ledger& ledger)
    : name_("server" + std::to_string(number)),
      options_(options),
      random_(random),
      disk_(disk),
      ledger_(ledger),
      network_(random, faults) {}

void Server::look_after() {
  if (disk_.dead()) stop(power_goes_too_);
  if (!process_ && io::now() >= restart_at_) start();
  if (process_ && draining_ && process_->drained()) stop(false);
}

void Server::start() {
  process_ = std::make_unique<Process>(options_, random_, network_, disk_);
  const std::string failure = process_->start();
  judge().heard(name_, failure.empty() ? "serves" : failure);
  if (!failure.empty()) {
    count(Happened::failed_start);
    stop(false);
    return;
  }
  if (kind_) process_->heal();
  ledger_.audit(disk_);
}

void Server::stop(bool power_lost) {
  judge().heard(name_, power_lost ? "loses power" : "ends");
  count(power_lost ? Happened::power_loss : draining_ ? Happened::drain : Happened::kill);
  disk_.crash();
  network_.set_listening(false);
  process_.reset();
  network_.process_ended(power_lost);
  disk_.restart(power_lost);
  draining_ = power_goes_too_ = false;
  restart_at_ = io::now() + milliseconds{random_.between(1, 1'500)};
}

void Server::drain() {
  if (!process_ || draining_) return;
  process_->drain();
  draining_ = true;
}

void Server::heal() {
  network_.heal();
  if (draining_) stop(false);
  kind_ = true;
  if (process_) process_->heal();
}

bool Server::step(bool network_first) {
  bool moved = network_first && network_.step();
  if (!moved && process_) moved = process_->step();
  if (!moved && !network_first) moved = network_.step();
  return moved;
}

std::optional<base::Instant> Server::next() const {
  const std::optional<base::Instant> own = process_ ? process_->next_deadline() : restart_at_;
  const std::optional<base::Instant> thaw = network_.next_thaw();
  if (!own || !thaw) return own ? own : thaw;
  // What is over already is no time to wait for.
  if (*own <= io::now()) return thaw;
  return std::min(*own, *thaw);
}

}  // namespace starling::sim
