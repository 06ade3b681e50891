#include "proto/handshake.hpp"

#include <nettle/base64.h>
#include <nettle/sha1.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "proto/deflate.hpp"
#include "proto/tokens.hpp"

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

bool stands_once(const HttpRequest& request, std::string_view name) {
  return std::ranges::count(request.headers, name,
                            [](const auto& header) { return std::string_view{header.first}; }) == 1;
}

// Names of subprotocols are compared byte by byte: the client fails a name that it did not send.
bool offers_subprotocol(const HttpRequest& request, std::string_view wanted) {
  return std::ranges::any_of(request.headers, [wanted](const auto& header) {
    return header.first == "sec-websocket-protocol" &&
           any_in_list(header.second,
                       [wanted](std::string_view element) { return element == wanted; });
  });
}

}  // namespace

HttpResponse upgrade_required(std::string_view detail) {
  HttpResponse response = problem(426, "bad_request", detail);
  response.headers.emplace_back("Sec-WebSocket-Version", "13");
  response.headers.emplace_back("Upgrade", "websocket");
  response.headers.emplace_back("Connection", "Upgrade");  // RFC 9110, section 7.8
  return response;
}

Handshake answer_upgrade(const HttpRequest& request, const Endpoint& endpoint) {
  Handshake answer;
  // Section 11.3: neither of the two may stand there twice.
  if (!stands_once(request, "sec-websocket-version") ||
      request.header("sec-websocket-version") != "13") {
    answer.response = upgrade_required("WebSocket version 13 is required");
    return answer;
  }
  const std::string_view key = request.header("sec-websocket-key");
  if (!stands_once(request, "sec-websocket-key") || !valid_key(key)) {
    answer.response = problem(400, "bad_request", "Sec-WebSocket-Key is not 16 bytes in base64");
    return answer;
  }
  const DeflateAgreement deflate = agree_on_deflate(request);
  if (deflate.malformed) {
    answer.response = problem(400, "bad_request", "Sec-WebSocket-Extensions is malformed");
    return answer;
  }
  answer.accepted = true;
  answer.response.status = 101;
  answer.response.headers.emplace_back("Upgrade", "websocket");
  answer.response.headers.emplace_back("Connection", "Upgrade");
  answer.response.headers.emplace_back("Sec-WebSocket-Accept", accept_value(key));
  if (offers_subprotocol(request, endpoint.subprotocol)) {
    answer.subprotocol = endpoint.subprotocol;
    answer.response.headers.emplace_back("Sec-WebSocket-Protocol", answer.subprotocol);
  }
  if (endpoint.deflate && deflate.window_bits != 0) {
    answer.deflate_window_bits = deflate.window_bits;
    answer.response.headers.emplace_back("Sec-WebSocket-Extensions", deflate.response);
  }
  return answer;
}

}  // namespace starling::proto
