// Rooms, and the servers that serve them.
#include "api/bounds.hpp"
#include "api/route.hpp"
#include "starling/version.hpp"

namespace starling::api {
namespace {

using proto::JsonWriter;

void write_room(JsonWriter& json, const chat::Room& room, const Surroundings& surroundings) {
  json.begin_object()
      .field("roomId", room.id)
      .field("headSeq", room.head)
      .field("onlineCount", surroundings.online_count(room.id))
      .field("members", room.members);
  json.key("createdAt").time(room.created_at).end_object();
}

}  // namespace

Step list_rooms(RestCall& call) {
  chat::ListRooms list;
  list.limit = static_cast<unsigned>(query_number(call.request, "limit", max_page, 1, max_page));
  if (const std::string* after = call.request.query_value("after")) list.after = *after;
  const Surroundings* const surroundings = call.context.surroundings;
  return ask<chat::RoomsListed>(chat::ReadRequest{std::move(list)},
                                [surroundings](chat::RoomsListed&& listed) -> Step {
                                  std::string text;
                                  JsonWriter json{text};
                                  json.begin_object().key("rooms").begin_array();
                                  for (const chat::Room& room : listed.rooms) {
                                    write_room(json, room, *surroundings);
                                  }
                                  json.end_array().end_object();
                                  return json_response(200, std::move(text));
                                });
}

Step get_room(RestCall& call) {
  if (!chat::valid_room_id(call.parameters[0])) return bad_request("The room id is not valid");
  const Surroundings* const surroundings = call.context.surroundings;
  return ask<chat::RoomFound>(chat::ReadRequest{chat::FindRoom{call.parameters[0]}},
                              [surroundings](chat::RoomFound&& found) -> Step {
                                std::string text;
                                JsonWriter json{text};
                                write_room(json, found.room, *surroundings);
                                return json_response(200, std::move(text));
                              });
}

// What this server knows of itself and of those that it hears.
Step get_fleet(RestCall& call) {
  return json_response(200, fleet_json(call.context.surroundings->fleet()));
}

}  // namespace starling::api
