// FleetView: which other servers there are, as one shard has heard.
//
// Each server speaks at least once a second. One that has been silent for ten is taken for dead, by
// a clock that only goes forward: whoever was connected to it is gone. But silence says something
// about the others only while this server listens: while the bus is away, or after it has stood
// still itself, it is counted anew. Pure: time is passed in. Belongs to its shard.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "chat/signal.hpp"

namespace starling::chat {

class FleetView {
 public:
  static constexpr base::Duration silent_after = std::chrono::seconds{10};
  static constexpr base::Duration forgotten_after = std::chrono::minutes{5};
  // Between two looks: more, and it was this server that stood still.
  static constexpr base::Duration stood_still = std::chrono::seconds{4};
  static constexpr std::size_t max_servers = 256;  // what further ones say is not heard

  struct Server {
    std::uint64_t incarnation = 0;
    base::Instant heard{};
    bool alive = true;
    ServerSignal said;  // last of itself; `from` is empty before it did
  };
  // Whom a server had is gone.
  struct Ended {
    std::string server;
    std::uint64_t incarnation = 0;  // this and earlier ones
  };

  // Another server says something. False: it is not to be believed, for it is of an earlier
  // incarnation, or of one server too many. Appends the incarnation that has ended by this.
  bool heard(const Origin& from, base::Instant now, std::vector<Ended>& ended);
  void heard(const ServerSignal& signal);  // after that
  // From time to time, with whether the bus is there. Appends who has fallen silent.
  void look(base::Instant now, bool listening, std::vector<Ended>& ended);

  bool alive(const std::string& server, std::uint64_t incarnation) const;
  const std::map<std::string, Server>& servers() const { return servers_; }  // by id

 private:
  std::map<std::string, Server> servers_;
  base::Instant last_look_{};
};

}  // namespace starling::chat
