#include "api/fleet.hpp"

#include "proto/json_writer.hpp"

namespace starling::api {

FleetEntry fleet_entry(const std::string& id, const chat::FleetView::Server& server) {
  const chat::ServerSignal& said = server.said;
  return {id,
          said.address,
          said.version,
          said.started_at,
          said.connections,
          said.rooms,
          server.alive,
          server.alive ? "ok" : "away",
          said.archive};
}

std::string fleet_json(const std::vector<FleetEntry>& servers) {
  std::string text;
  proto::JsonWriter json{text};
  json.begin_object().key("servers").begin_array();
  for (const FleetEntry& server : servers) {
    json.begin_object()
        .field("serverId", server.server_id)
        .field("address", server.address)
        .field("version", server.version)
        .field("state", server.alive ? "alive" : "silent");
    json.key("startedAt").time(server.started_at);
    json.field("connections", server.connections)
        .field("rooms", server.rooms)
        .field("bus", server.bus)
        .field("archive", server.archive ? "ok" : "failing")
        .end_object();
  }
  json.end_array().end_object();
  return text;
}

}  // namespace starling::api
