#include "bus/event_lines.hpp"

#include <cstdint>
#include <optional>
#include <utility>

#include "chat/ids.hpp"
#include "proto/websocket.hpp"

namespace starling::bus {
namespace {

// 0: there is no such number.
std::uint64_t positive_member(const proto::JsonValue& object, std::string_view name) {
  const std::optional<proto::JsonValue> value = object.member(name);
  return value ? value->unsigned_integer().value_or(0) : 0;
}

}  // namespace

bool append_event(proto::JsonReader& json, std::string_view line, const Link& link,
                  chat::CommittedBatch& batch) {
  const std::optional<proto::JsonValue> object = json.parse(line);
  if (!object) return false;
  const auto room = object->member("roomId");
  const std::optional<std::string_view> name = room ? room->string() : std::nullopt;
  if (!name || !chat::valid_room_id(*name)) return false;
  chat::Event event;
  event.room = *name;
  event.seq = positive_member(*object, "seq");
  if (event.seq == 0 || positive_member(*object, "id") == 0) return false;
  event.id = link.id;
  event.previous = link.previous;
  const std::size_t offset = batch.frames.size();
  proto::append_frame(batch.frames, proto::Opcode::text, line);
  batch.add(std::move(event), offset);
  return true;
}

}  // namespace starling::bus
