// The error codes of the protocol, one list for both dialects and for REST.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace starling::chat {

enum class FailureCode : std::uint8_t {
  bad_json,
  unknown_type,
  bad_request,
  unauthenticated,
  forbidden,
  not_found,
  not_in_room,
  conflict,  // a name that is taken
  too_large,
  rate_limited,
  unavailable,  // certainly not kept; the same request may be tried again
  internal,
};

struct Failure {
  FailureCode code = FailureCode::internal;
  std::string message;
};

std::string_view to_string(FailureCode code);
// Whether the same request may succeed later: rate_limited and unavailable.
bool retryable(FailureCode code);

}  // namespace starling::chat
