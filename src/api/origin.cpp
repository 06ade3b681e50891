#include "api/origin.hpp"

#include <algorithm>

#include "proto/tokens.hpp"

namespace starling::api {
namespace {

// "host:port" of an origin, without the scheme; empty for anything that is no http origin.
std::string_view authority_of(std::string_view origin) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (origin.starts_with(scheme)) return origin.substr(scheme.size());
  }
  return {};
}

bool is_loopback(std::string_view authority) {
  // An IPv6 address stands in brackets, a port behind the last colon outside of them.
  const std::size_t bracket = authority.find(']');
  const std::size_t colon = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  const std::string_view host = authority.substr(0, colon);
  return proto::equal_ignoring_case(host, "localhost") || host == "[::1]" || host == "127.0.0.1";
}

}  // namespace

bool origin_allowed(const OriginRule& rule, std::string_view origin, std::string_view host) {
  if (origin.empty()) return true;
  if (std::ranges::any_of(rule.allowed, [origin](const std::string& allowed) {
        return proto::equal_ignoring_case(allowed, origin);
      })) {
    return true;
  }
  const std::string_view authority = authority_of(origin);
  if (!host.empty() && proto::equal_ignoring_case(authority, host)) return true;
  return rule.any_loopback && is_loopback(authority);
}

}  // namespace starling::api
