// Connections to 127.0.0.1, and the end of a measurement that cannot be made.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace starling::bench {

// A measurement that cannot be made as it was asked for is none: says why and exits with 69.
[[noreturn]] void give_up(const std::string& why);

// Where a connection comes from and how much it takes before its peer has to wait.
struct Origin {
  // The last byte of a 127.0.0.x address, so that one server port can have more than 28,000 peers.
  int source = 1;
  int receive_buffer_bytes = 0;  // 0: as the kernel likes
};

// Connects to 127.0.0.1; -1 where nobody listens there. Gives up on anything else. Returns at once:
// the kernel answers for a listener whose backlog is not full.
int connect_to(std::uint16_t port, Origin origin);

// Appends what comes to `into`, blocking; false at the end of the stream or when nothing comes.
bool receive_more(int socket, std::string& into);

}  // namespace starling::bench
