// What ended a connection: one of these, counted once.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "proto/websocket.hpp"

namespace starling::net {

enum class Ending : std::uint8_t {
  client,          // it closed, or its machine reset the line
  unacknowledged,  // the kernel gave it up: what was sent was not taken (TCP_USER_TIMEOUT)
  stalled,         // a send made no progress
  silent,          // no word, and no answer to pings
  idle,            // no further request came
  late,            // a head, a body or a PROXY header did not come in time
  refused,         // by its PROXY header, or its address has too many
  answered,        // the last response was sent
  stopped,         // the server stops
  // A goodbye, by its close code.
  protocol_error,
  unsupported_data,
  invalid_payload,
  policy,
  too_big,
  try_again_later,
  drain,
  slow_reader,
  token_ended,
  not_authenticated,
};
inline constexpr std::size_t endings = static_cast<std::size_t>(Ending::not_authenticated) + 1;

using EndingCounts = std::array<std::uint64_t, endings>;

// A word, or the number of a close code.
std::string_view to_string(Ending ending);
// Of a close frame that this server says of itself.
Ending ending_of(proto::CloseCode code);
// Of a receive or send that failed with that -errno.
Ending ending_of_error(std::int32_t result);

}  // namespace starling::net
