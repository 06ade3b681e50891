#include "proto/handshake.hpp"

#include <gtest/gtest.h>

namespace starling::proto {
namespace {

constexpr std::string_view agreed =
    "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

class HandshakeTest : public testing::Test {
 protected:
  HandshakeTest() {
    request.headers = {{"sec-websocket-version", "13"},
                       {"sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="}};
  }

  // The value of a header of the answer; "-" where it has none.
  std::string answered(std::string_view name, bool deflate = true) {
    const Handshake handshake = answer_upgrade(request, {"starling.v1", deflate});
    for (const auto& [key, value] : handshake.response.headers) {
      if (key == name) return value;
    }
    return "-";
  }
  std::string extension_for(std::string_view offer) {
    auto with_offer = request.headers;
    with_offer.emplace_back("sec-websocket-extensions", offer);
    std::swap(request.headers, with_offer);
    std::string answer = answered("Sec-WebSocket-Extensions");
    if (answer_upgrade(request, {"starling.v1", true}).response.status == 400) answer = "400";
    std::swap(request.headers, with_offer);
    return answer;
  }

  HttpRequest request;
};

TEST_F(HandshakeTest, the_example_of_the_rfc) {  // section 1.3
  EXPECT_EQ(answered("Sec-WebSocket-Accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
  EXPECT_EQ(answered("Sec-WebSocket-Protocol"), "-");
}

TEST_F(HandshakeTest, version_and_key_stand_there_once) {
  request.headers.emplace_back("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
  EXPECT_EQ(answer_upgrade(request, {}).response.status, 400);
  request.headers.emplace_back("sec-websocket-version", "13");
  EXPECT_EQ(answer_upgrade(request, {}).response.status, 426);
  EXPECT_EQ(answered("Connection"), "Upgrade");
}

TEST_F(HandshakeTest, subprotocols_are_compared_letter_by_letter) {
  request.headers.emplace_back("sec-websocket-protocol", "STARLING.V1");
  EXPECT_EQ(answered("Sec-WebSocket-Protocol"), "-");
  request.headers.emplace_back("sec-websocket-protocol", "chat, starling.v1");
  EXPECT_EQ(answered("Sec-WebSocket-Protocol"), "starling.v1");
}

TEST_F(HandshakeTest, the_first_valid_offer_is_taken) {
  const std::string wanted{agreed};
  EXPECT_EQ(extension_for("permessage-deflate"), wanted);
  EXPECT_EQ(extension_for("permessage-deflate; client_max_window_bits"), wanted);
  EXPECT_EQ(extension_for(" ,permessage-deflate;server_max_window_bits=\"9\","),
            wanted + "; server_max_window_bits=9");
  EXPECT_EQ(extension_for("permessage-deflate; x, permessage-deflate; server_max_window_bits=15"),
            wanted + "; server_max_window_bits=15");
  for (const char* declined :
       {"mux", "permessage-deflate; x", "permessage-deflate; server_max_window_bits",
        "permessage-deflate; server_max_window_bits=7",
        "permessage-deflate; client_max_window_bits=016",
        "permessage-deflate; server_no_context_takeover=1",
        "permessage-deflate; client_max_window_bits; client_max_window_bits"}) {
    EXPECT_EQ(extension_for(declined), "-") << declined;
  }
  for (const char* malformed :
       {"a b", "a;", "a; b=", "a; b=\"", "a; b=\"\"", "a; b=\"c d\"", "a; b=\"c\\", "@"}) {
    EXPECT_EQ(extension_for(malformed), "400") << malformed;
  }
}

TEST_F(HandshakeTest, an_endpoint_without_compression_declines_all_offers) {
  request.headers.emplace_back("sec-websocket-extensions", "permessage-deflate");
  EXPECT_EQ(answered("Sec-WebSocket-Extensions", false), "-");
  EXPECT_EQ(answer_upgrade(request, {"starling.v1", false}).deflate_window_bits, 0u);
}

}  // namespace
}  // namespace starling::proto
