// The opening handshake of a WebSocket (RFC 6455, section 4.2), as a pure function.
#pragma once

#include <string>
#include <string_view>

#include "proto/http.hpp"

namespace starling::proto {

// What an endpoint can agree to.
struct Endpoint {
  std::string_view subprotocol;
  bool deflate = false;  // permessage-deflate
};

struct Handshake {
  bool accepted = false;
  std::string subprotocol;           // the one chosen; empty: none was offered that is known
  unsigned deflate_window_bits = 0;  // as in DeflateAgreement; 0: no message is compressed
  HttpResponse response;  // 101, or the refusal: 400, or 426 with Sec-WebSocket-Version: 13
};

// `request.upgrade` is true.
Handshake answer_upgrade(const HttpRequest& request, const Endpoint& endpoint);

// For a request that stands at an endpoint without asking for the upgrade (RFC 9110, 15.5.22).
HttpResponse upgrade_required(std::string_view detail);

}  // namespace starling::proto
