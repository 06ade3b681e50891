// The row locks of the simulated database.
#include <mysqld_error.h>

#include <algorithm>
#include <string>

#include "fiber.hpp"
#include "io/clock.hpp"
#include "mysql_sim.hpp"
#include "tally.hpp"

namespace starling::sim {

MysqlSim::Session* MysqlSim::holder(const Session& session, const std::string& name,
                                    Mode mode) const {
  const auto found = locks_.find(name);
  if (found == locks_.end()) return nullptr;
  const Lock& lock = found->second;
  if (lock.exclusive && lock.exclusive != &session) return lock.exclusive;
  if (mode == Mode::shared) return nullptr;
  const auto other =
      std::ranges::find_if(lock.shared, [&session](const Session* one) { return one != &session; });
  return other == lock.shared.end() ? nullptr : *other;
}

// Whether the session would wait for somebody who waits, over however many others, for it.
bool MysqlSim::waits_in_a_circle(const Session& session, const std::string& name, Mode mode) const {
  const Session* at = holder(session, name, mode);
  for (std::size_t steps = 0; at && steps <= sessions_.size(); ++steps) {
    if (at->waits_for.empty()) return false;
    at = holder(*at, at->waits_for, at->waits_as);
    if (at == &session) return true;
  }
  return false;
}

unsigned MysqlSim::lock(Session& session, const std::string& name, Mode mode) {
  if (holder(session, name, mode)) {
    if (waits_in_a_circle(session, name, mode)) {
      count(Happened::deadlock);
      return ER_LOCK_DEADLOCK;
    }
    count(Happened::lock_wait);
    session.waits_for = name;
    session.waits_as = mode;
    const base::Instant limit = io::now() + session.lock_wait_timeout;
    while (io::now() < limit && !session.gone && holder(session, name, mode)) {
      Fiber::wait_until(limit,
                        [&] { return session.gone || holder(session, name, mode) == nullptr; });
      if (!Fiber::current() || Fiber::current()->abandoned()) break;
    }
    session.waits_for.clear();
    if (session.ended || session.gone) return server_lost;
    if (holder(session, name, mode)) {
      count(Happened::lock_timeout);
      return ER_LOCK_WAIT_TIMEOUT;
    }
  }
  Lock& lock = locks_[name];
  if (mode == Mode::exclusive) {
    lock.exclusive = &session;
  } else {
    lock.shared.insert(&session);
  }
  session.locks.insert(name);
  return 0;
}

void MysqlSim::release(Session& session) {
  for (const std::string& name : session.locks) {
    const auto found = locks_.find(name);
    if (found->second.exclusive == &session) found->second.exclusive = nullptr;
    found->second.shared.erase(&session);
    if (!found->second.exclusive && found->second.shared.empty()) locks_.erase(found);
  }
  session.locks.clear();
}

}  // namespace starling::sim
