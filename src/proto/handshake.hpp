// The opening handshake of a WebSocket (RFC 6455, section 4.2), as a pure function.
#pragma once

#include <string>
#include <string_view>

#include "proto/http.hpp"

namespace starling::proto {

struct Handshake {
  bool accepted = false;
  std::string subprotocol;  // the one chosen; empty: none was offered that is known
  HttpResponse response;    // 101, or the refusal: 400, or 426 with Sec-WebSocket-Version: 13
};

// `request.upgrade` is true. Chooses `known_subprotocol` if the client offers it.
Handshake answer_upgrade(const HttpRequest& request, std::string_view known_subprotocol);

}  // namespace starling::proto
