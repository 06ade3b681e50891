// What a proxy that is believed says of the client whose request it passes on.
#pragma once

#include <optional>
#include <vector>

#include "base/ip_address.hpp"
#include "chat/quotas.hpp"
#include "proto/http.hpp"

namespace starling::api {

// Whose request it is, as far as limits and cookies are concerned.
struct Caller {
  chat::AddressKey address = 0;
  bool over_tls = false;  // between the client and the proxy
};

// The client of X-Forwarded-For. Each proxy puts the address that it was spoken to from at the end
// of the list, so it is read from there, and what stands before the first address that is no
// trusted proxy's is anybody's invention. Nothing where the header is absent, or the last
// address is none.
std::optional<base::IpAddress> forwarded_for(const proto::HttpRequest& request,
                                             const std::vector<base::IpNetwork>& trusted);

// Whether X-Forwarded-Proto says https.
bool forwarded_https(const proto::HttpRequest& request);

}  // namespace starling::api
