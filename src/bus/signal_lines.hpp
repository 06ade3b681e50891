// Signal lines: what servers tell each other of presence, typing, read pointers, revocations and
// themselves; one JSON object a line. Pure.
//
//   {"type":"server","address":"10.0.0.1:8080","version":"1.0","startedAt":1700000000000,
//    "connections":2,"rooms":1,"archive":true}
//   {"type":"presence","shard":0,"changes":[["general",7,"ann",true],["",7,"ann",true]]}
//   {"type":"digest","shard":0,"begin":["general",7],"people":[["general",7,"ann"]],"end":["",1]}
//   {"type":"typing","room":"general","user":7,"name":"ann","typing":true}
//   {"type":"read","room":"general","user":7,"seq":12,"head":14,"unread":2}
//   {"type":"status","user":7,"name":"ann","online":false,"lastSeenAt":1700000000000}
//   {"type":"revoked","token":"b1946ac9","expires":1700000000000}
//
// Who says it is no part of the line: the transport knows that, and signs it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/line_transport.hpp"
#include "chat/signal.hpp"
#include "proto/json_reader.hpp"

namespace starling::bus {

// Appends a signal's lines, each of at most max_line_bytes, without its end. Large deltas and
// digests become several, each of which means something alone. What concerns the shards of one
// server only has none.
void append_lines(const chat::Signal& signal, std::vector<std::string>& lines);

// Nothing for what append_lines() would not have written.
std::optional<chat::Signal> parse_line(proto::JsonReader& json, const Origin& from,
                                       std::string_view line);

}  // namespace starling::bus
