// How much one call or frame may bring or ask for. Of names and texts: chat/ids.hpp; of requests:
// proto/http.hpp. docs/limits.md shows them all.
#pragma once

#include <cstddef>

namespace starling::api {

inline constexpr unsigned default_page = 20;  // messages, where a client names no `limit`
inline constexpr unsigned max_page = 100;     // messages, users or rooms of one answer
inline constexpr std::size_t max_resumed_rooms = 1'000;  // of one `auth`
inline constexpr std::size_t max_ping_bytes = 256;       // of a ping's `t`, as JSON
inline constexpr std::size_t max_token_bytes = 4'096;
inline constexpr std::size_t max_online_listed = 200;  // user ids of `room_joined`

}  // namespace starling::api
