#include "server.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "io/clock.hpp"
#include "judge.hpp"
#include "tally.hpp"

namespace starling::sim {

using std::chrono::milliseconds;

Server::Server(unsigned number, const ProcessOptions& options, const NetworkFaults& faults,
               Random& random, Disk& disk, Ledger& ledger, MysqlSim* database)
    : name_("server" + std::to_string(number)),
      options_([&] {
        ProcessOptions own = options;
        own.server = database ? number : 0;
        return own;
      }()),
      random_(random),
      disk_(disk),
      ledger_(ledger),
      database_(database),
      network_(random, faults) {}

void Server::look_after() {
  if (disk_.dead()) stop(power_goes_too_);
  if (!process_ && !retired_ && io::now() >= restart_at_) start();
  if (process_ && strike_ && process_->writing()) {
    const base::Duration length = *std::exchange(strike_, std::nullopt);
    length == base::Duration::zero() ? stop(false) : freeze(length);
  }
  if (!process_ || !draining_ || !process_->drained()) return;
  process_->say_farewell();
  stop(false);
}

void Server::start() {
  process_ = std::make_unique<Process>(options_, name_ + "." + std::to_string(++starts_), random_,
                                       network_, disk_);
  const std::string failure = process_->start();
  judge().heard(name_, failure.empty() ? "serves" : failure);
  if (!failure.empty()) {
    count(Happened::failed_start);
    stop(false);
    return;
  }
  if (kind_) process_->heal();
  database_ ? ledger_.audit(*database_) : ledger_.audit(disk_);
}

void Server::stop(bool power_lost) {
  judge().heard(name_, power_lost ? "loses power" : "ends");
  count(power_lost ? Happened::power_loss : draining_ ? Happened::drain : Happened::kill);
  disk_.crash();
  network_.set_listening(false);
  if (database_) database_->server_ended(options_.server);
  process_.reset();
  network_.process_ended(power_lost);
  disk_.restart(power_lost);
  draining_ = power_goes_too_ = false;
  frozen_until_ = {};
  restart_at_ = io::now() + milliseconds{random_.between(1, 1'500)};
}

void Server::freeze(base::Duration length) {
  count(Happened::freeze);
  frozen_until_ = io::now() + length;
}

void Server::drain() {
  if (!process_ || draining_) return;
  process_->drain();
  draining_ = true;
}

void Server::heal() {
  network_.heal();
  frozen_until_ = {};
  strike_.reset();
  if (draining_) stop(false);
  kind_ = true;
  if (process_) process_->heal();
}

bool Server::step(bool network_first) {
  bool moved = network_first && network_.step();
  if (!moved && process_ && !frozen()) moved = process_->step();
  if (!moved && !network_first) moved = network_.step();
  return moved;
}

std::optional<base::Instant> Server::next() const {
  const std::optional<base::Instant> own = !process_  ? restart_at_
                                           : frozen() ? frozen_until_
                                                      : process_->next_deadline();
  const std::optional<base::Instant> thaw = network_.next_thaw();
  if (!own || !thaw) return own ? own : thaw;
  // What is over already is no time to wait for.
  if (*own <= io::now()) return thaw;
  return std::min(*own, *thaw);
}

}  // namespace starling::sim
