// The sockets that a server listens on, and how it waits for a port.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.hpp"
#include "net/listener.hpp"
#include "server/notify.hpp"
#include "starling/config.hpp"

namespace starling::server {

// "127.0.0.1:8080", "[::1]:8080".
std::string address_text(const std::string& host, std::uint16_t port);

// What the service manager has passed in, or else what the settings say. A port that is taken is
// waited for, up to 2 s; the default port of the admin listener gives way to a free one instead.
base::Result<net::Listener> public_listener(const Config& config, const GivenSockets& given);
base::Result<net::Listener> admin_listener(const Config& config, const GivenSockets& given);

}  // namespace starling::server
