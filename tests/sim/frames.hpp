// Frames: a client's side of WebSocket (RFC 6455), and what it needs of JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "random.hpp"

namespace starling::sim {

std::string upgrade_request(bool v1);

// A masked frame of a client.
std::string client_frame(unsigned opcode, bool final, std::string_view payload, Random& random);
// A masked message, now and then in fragments.
std::string client_message(std::string_view text, Random& random);

struct ServerFrame {
  unsigned opcode = 0;
  std::string payload;
  bool valid = true;  // unmasked, final, no reserved bits
};
// Takes one whole frame off the beginning of `bytes`; false if there is none yet.
bool take_server_frame(std::string& bytes, ServerFrame& frame);

// The elements of a JSON array, given as text.
std::vector<std::string> elements(std::string_view array);

}  // namespace starling::sim
