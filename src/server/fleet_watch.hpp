// FleetWatch: the other servers as the main thread sees them, for `starling status`. It hears what
// the shards hear; only the thread that reads the bus and the main thread share its lock.
#pragma once

#include <mutex>
#include <vector>

#include "api/fleet.hpp"
#include "base/time.hpp"
#include "chat/fleet_view.hpp"
#include "chat/signal.hpp"

namespace starling::server {

class FleetWatch final : public chat::SignalInbox {
 public:
  bool signal(const chat::Signal& signal) override;  // any thread

  // ---- the main thread
  // Once a second, with whether the bus is there.
  void look(base::Instant now, bool listening);
  std::vector<api::FleetEntry> servers() const;

 private:
  mutable std::mutex mutex_;
  chat::FleetView view_;
};

}  // namespace starling::server
