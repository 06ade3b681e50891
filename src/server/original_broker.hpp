// The broker in the environment of the PHP original.
#pragma once

#include <string>
#include <vector>

namespace starling::server {

struct OriginalBroker {
  std::string url;       // as bus.url; empty: none is named
  std::string named_by;  // the variable
};

// Of NAME=VALUE pairs: RABBITMQ_HOST with RABBITMQ_PORT, _USER, _PASSWORD and _VHOST, or else
// MESSENGER_TRANSPORT_DSN, whose path names a queue behind the virtual host. Other transports than
// AMQP are no bus.
OriginalBroker original_broker(const std::vector<std::string>& variables);

}  // namespace starling::server
