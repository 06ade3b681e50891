#include "proto/handshake.hpp"

#include <nettle/base64.h>
#include <nettle/sha1.h>

#include <array>
#include <cstdint>

namespace starling::proto {
namespace {

constexpr std::string_view accept_guid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";  // section 1.3
constexpr std::size_t key_bytes = 16;

// A key is the base64 form of 16 bytes.
bool valid_key(std::string_view key) {
  if (key.size() != BASE64_ENCODE_RAW_LENGTH(key_bytes)) return false;
  base64_decode_ctx context;
  base64_decode_init(&context);
  std::array<std::uint8_t, BASE64_DECODE_LENGTH(BASE64_ENCODE_RAW_LENGTH(key_bytes))> decoded;
  std::size_t size = decoded.size();
  return base64_decode_update(&context, &size, decoded.data(), key.size(), key.data()) == 1 &&
         base64_decode_final(&context) == 1 && size == key_bytes;
}

std::string accept_value(std::string_view key) {
  sha1_ctx context;
  sha1_init(&context);
  const auto feed = [&context](std::string_view text) {
    sha1_update(&context, text.size(), reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  feed(key);
  feed(accept_guid);
  std::array<std::uint8_t, SHA1_DIGEST_SIZE> digest;
  sha1_digest(&context, digest.size(), digest.data());
  std::string text(BASE64_ENCODE_RAW_LENGTH(SHA1_DIGEST_SIZE), '\0');
  base64_encode_raw(text.data(), digest.size(), digest.data());
  return text;
}

}  // namespace

Handshake answer_upgrade(const HttpRequest& request, std::string_view known_subprotocol) {
  Handshake answer;
  if (request.header("sec-websocket-version") != "13") {
    answer.response = problem(426, "bad_request", "WebSocket version 13 is required");
    answer.response.headers.emplace_back("Sec-WebSocket-Version", "13");
    answer.response.headers.emplace_back("Upgrade", "websocket");
    return answer;
  }
  const std::string_view key = request.header("sec-websocket-key");
  if (!valid_key(key)) {
    answer.response = problem(400, "bad_request", "Sec-WebSocket-Key is not 16 bytes in base64");
    return answer;
  }
  answer.accepted = true;
  answer.response.status = 101;
  answer.response.headers.emplace_back("Upgrade", "websocket");
  answer.response.headers.emplace_back("Connection", "Upgrade");
  answer.response.headers.emplace_back("Sec-WebSocket-Accept", accept_value(key));
  if (request.lists("sec-websocket-protocol", known_subprotocol)) {
    answer.subprotocol = known_subprotocol;
    answer.response.headers.emplace_back("Sec-WebSocket-Protocol", answer.subprotocol);
  }
  return answer;
}

}  // namespace starling::proto
