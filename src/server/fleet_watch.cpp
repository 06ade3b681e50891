#include "server/fleet_watch.hpp"

#include <variant>

#include "io/clock.hpp"

namespace starling::server {

bool FleetWatch::signal(const chat::Signal& signal) {
  const auto* server = std::get_if<chat::ServerSignal>(&signal);
  if (!server || server->from.here()) return true;
  const std::lock_guard lock{mutex_};
  std::vector<chat::FleetView::Ended> ended;
  if (view_.heard(server->from, io::now(), ended)) view_.heard(*server);
  return true;
}

void FleetWatch::look(base::Instant now, bool listening) {
  const std::lock_guard lock{mutex_};
  std::vector<chat::FleetView::Ended> ended;
  view_.look(now, listening, ended);
}

std::vector<api::FleetEntry> FleetWatch::servers() const {
  const std::lock_guard lock{mutex_};
  std::vector<api::FleetEntry> all;
  for (const auto& [id, server] : view_.servers()) all.push_back(api::fleet_entry(id, server));
  return all;
}

}  // namespace starling::server
