#include "frames.hpp"

#include <utility>

namespace starling::sim {

std::string upgrade_request(bool v1) {
  std::string head =
      "GET /ws HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
  if (v1) head += "Sec-WebSocket-Protocol: starling.v1\r\n";
  return head + "\r\n";
}

std::string client_frame(unsigned opcode, bool final, std::string_view payload, Random& random) {
  std::string frame;
  const auto put = [&frame](std::uint64_t byte) { frame += static_cast<char>(byte & 0xff); };
  put((final ? 0x80u : 0u) | opcode);
  if (payload.size() < 126) {
    put(0x80u | payload.size());
  } else {
    put(0x80u | 126u);
    put(payload.size() >> 8);
    put(payload.size());
  }
  char mask[4];
  for (char& byte : mask) byte = static_cast<char>(random.next());
  frame.append(mask, sizeof mask);
  for (std::size_t i = 0; i < payload.size(); ++i) {
    frame += static_cast<char>(payload[i] ^ mask[i % sizeof mask]);
  }
  return frame;
}

std::string client_message(std::string_view text, Random& random) {
  constexpr unsigned text_opcode = 1;
  if (text.size() < 2 || !random.permille(50)) return client_frame(text_opcode, true, text, random);
  const std::size_t cut = random.between(1, text.size() - 1);
  return client_frame(text_opcode, false, text.substr(0, cut), random) +
         client_frame(0, true, text.substr(cut), random);
}

bool take_server_frame(std::string& bytes, ServerFrame& frame) {
  if (bytes.size() < 2) return false;
  const auto at = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  std::size_t size = at(1) & 0x7fu;
  std::size_t header = 2;
  if (size >= 126) {
    header = size == 126 ? 4 : 10;
    if (bytes.size() < header) return false;
    size = 0;
    for (std::size_t i = 2; i < header; ++i) size = size << 8 | at(i);
  }
  frame.opcode = at(0) & 0x0fu;
  frame.valid = (at(0) & 0xf0u) == 0x80u && (at(1) & 0x80u) == 0;
  if (bytes.size() < header + size && frame.valid) return false;
  frame.payload = bytes.substr(header, size);
  bytes.erase(0, header + size);
  return true;
}

std::vector<std::string> elements(std::string_view array) {
  std::vector<std::string> all;
  std::string element;
  int depth = 0;
  bool quoted = false;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const char c = array[i];
    if (quoted) {
      element += c;
      if (c == '\\') element += array[++i];
      if (c == '"') quoted = false;
      continue;
    }
    if (c == ']' || c == '}') --depth;
    if ((depth == 0 && c == ']') || (depth == 1 && c == ',')) {
      if (!element.empty()) all.push_back(std::exchange(element, {}));
    } else if (depth > 0) {
      element += c;
    }
    if (c == '[' || c == '{') ++depth;
    if (c == '"') quoted = true;
  }
  return all;
}

}  // namespace starling::sim
