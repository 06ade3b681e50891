// The lines of a body of events, as what a shard needs of them.
#pragma once

#include <string_view>

#include "chat/event.hpp"
#include "proto/json_reader.hpp"

namespace starling::bus {

// Appends the event of a line, whose frame is the line itself. False, and nothing is appended, for
// what is no JSON object, names no valid room, or has no place (`seq`, `id`) in it.
bool append_event(proto::JsonReader& json, std::string_view line, chat::CommittedBatch& batch);

}  // namespace starling::bus
