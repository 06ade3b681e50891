#include "chat/failure.hpp"

namespace starling::chat {

std::string_view to_string(FailureCode code) {
  switch (code) {
    case FailureCode::bad_json:
      return "bad_json";
    case FailureCode::unknown_type:
      return "unknown_type";
    case FailureCode::bad_request:
      return "bad_request";
    case FailureCode::unauthenticated:
      return "unauthenticated";
    case FailureCode::forbidden:
      return "forbidden";
    case FailureCode::not_found:
      return "not_found";
    case FailureCode::not_in_room:
      return "not_in_room";
    case FailureCode::conflict:
      return "conflict";
    case FailureCode::too_large:
      return "too_large";
    case FailureCode::rate_limited:
      return "rate_limited";
    case FailureCode::unavailable:
      return "unavailable";
    case FailureCode::internal:
      return "internal";
  }
  return "internal";
}

bool retryable(FailureCode code) {
  return code == FailureCode::rate_limited || code == FailureCode::unavailable;
}

}  // namespace starling::chat
