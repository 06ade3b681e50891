#include "net/ending.hpp"

#include <cerrno>

namespace starling::net {

std::string_view to_string(Ending ending) {
  constexpr std::array<std::string_view, endings> words{
      "client",   "unacknowledged", "stalled", "silent", "idle", "late", "refused",
      "answered", "stopped",        "1002",    "1003",   "1007", "1008", "1009",
      "1013",     "4100",           "4101",    "4200",   "4301"};
  return words.at(static_cast<std::size_t>(ending));
}

Ending ending_of(proto::CloseCode code) {
  using proto::CloseCode;
  switch (code) {
    case CloseCode::protocol_error:
      return Ending::protocol_error;
    case CloseCode::unsupported_data:
      return Ending::unsupported_data;
    case CloseCode::invalid_payload:
      return Ending::invalid_payload;
    case CloseCode::policy:
      return Ending::policy;
    case CloseCode::too_big:
      return Ending::too_big;
    case CloseCode::try_again_later:
      return Ending::try_again_later;
    case CloseCode::drain:
      return Ending::drain;
    case CloseCode::slow_reader:
      return Ending::slow_reader;
    case CloseCode::token_ended:
      return Ending::token_ended;
    case CloseCode::not_authenticated:
      return Ending::not_authenticated;
    default:
      return Ending::client;  // what a peer said goes back to it
  }
}

// tcp(7): the kernel tells a timeout as such, or as what a router said last (EHOSTUNREACH).
Ending ending_of_error(std::int32_t result) {
  const bool cut = result == -ECONNRESET || result == -EPIPE || result == 0;
  return cut ? Ending::client : Ending::unacknowledged;
}

}  // namespace starling::net
