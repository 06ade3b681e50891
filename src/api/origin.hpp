// Which web pages may speak to this server (RFC 6454): the own host's, those of
// http.allowed_origins, and, in open mode on loopback, every loopback page.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace starling::api {

struct OriginRule {
  std::vector<std::string> allowed;  // "https://chat.example.org"
  bool any_loopback = false;
};

// `origin` is the header's value (empty: not a browser, allowed), `host` the Host header's.
bool origin_allowed(const OriginRule& rule, std::string_view origin, std::string_view host);

}  // namespace starling::api
