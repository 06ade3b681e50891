#include "server/status.hpp"

#include <string_view>

#include "base/time.hpp"

namespace starling::server {
namespace {

std::string counted(std::uint64_t number, const char* what) {
  return std::to_string(number) + " " + what + (number == 1 ? "" : "s");
}

std::string load_of(const api::FleetEntry& server) {
  return counted(server.connections, "connection") + ", " + counted(server.rooms, "room");
}

// What the word for the bus means to whoever has not read about it.
std::string bus_of(const api::FleetEntry& self, bool shares_archive) {
  constexpr std::string_view polling =
      "messages of other servers are read from the archive, 4 times a second";
  if (self.bus == "away") return "away: " + std::string{polling};
  if (self.bus != "none") return std::string{self.bus};
  return "none: " + std::string{shares_archive ? polling : "this server is alone"};
}

}  // namespace

std::string status_text(const std::vector<api::FleetEntry>& servers, const Moment& moment) {
  const api::FleetEntry& self = servers.front();
  std::string since;
  base::append_iso8601(since, self.started_at);
  std::string text = "starling " + self.version + " on " + self.address + " since " + since +
                     (moment.draining ? ", draining" : "") + "\nserver  " + self.server_id +
                     "\nload    " + load_of(self) + ", " +
                     std::to_string(moment.deliveries_per_second) + " messages/s delivered" +
                     "\narchive " + (self.archive ? "ok" : "failing: messages are refused") +
                     "\nbus     " + bus_of(self, moment.shares_archive);
  if (moment.stalled_threads > 0) {
    text += "\nthreads " + std::to_string(moment.stalled_threads) +
            " of them standing still: the log says which, and what to do";
  }
  for (std::size_t i = 1; i < servers.size(); ++i) {
    const api::FleetEntry& other = servers[i];
    text += "\nother   " + other.server_id + "  " + other.address + "  " +
            (other.alive ? "alive" : "silent") + "  " + other.version + "  " + load_of(other) +
            (other.archive ? "" : "  archive failing");
  }
  return text;
}

}  // namespace starling::server
