// The lines of a body of events, as what a shard needs of them.
#pragma once

#include <string_view>

#include "bus/body.hpp"
#include "chat/event.hpp"
#include "proto/json_reader.hpp"

namespace starling::bus {

// Appends the event of a line, whose frame is the line itself, at its place in the chain. False,
// and nothing is appended, for what is no JSON object, names no valid room, or has no place (`seq`,
// `id`) in it.
bool append_event(proto::JsonReader& json, std::string_view line, const Link& link,
                  chat::CommittedBatch& batch);

}  // namespace starling::bus
