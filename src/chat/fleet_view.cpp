#include "chat/fleet_view.hpp"

#include <algorithm>

namespace starling::chat {

bool FleetView::heard(const Origin& from, base::Instant now, std::vector<Ended>& ended) {
  auto known = servers_.find(from.server);
  if (known == servers_.end()) {
    if (servers_.size() == max_servers) return false;
    known = servers_.try_emplace(from.server).first;
    known->second.incarnation = from.incarnation;
  }
  Server& server = known->second;
  if (from.incarnation < server.incarnation) return false;
  if (from.incarnation > server.incarnation) {
    ended.push_back({from.server, server.incarnation});
    server = {};
    server.incarnation = from.incarnation;
  }
  server.heard = now;
  server.alive = true;
  return true;
}

void FleetView::heard(const ServerSignal& signal) {
  const auto known = servers_.find(signal.from.server);
  if (known != servers_.end()) known->second.said = signal;
}

void FleetView::look(base::Instant now, bool listening, std::vector<Ended>& ended) {
  const bool deaf = !listening || now - last_look_ > stood_still;
  last_look_ = now;
  for (auto& [id, server] : servers_) {
    if (!server.alive) continue;
    if (deaf) server.heard = now;
    if (now - server.heard < silent_after) continue;
    server.alive = false;
    ended.push_back({id, server.incarnation});
  }
  std::erase_if(servers_,
                [now](const auto& entry) { return now - entry.second.heard >= forgotten_after; });
}

bool FleetView::alive(const std::string& server, std::uint64_t incarnation) const {
  const auto known = servers_.find(server);
  return known != servers_.end() && known->second.alive && known->second.incarnation == incarnation;
}

}  // namespace starling::chat
