// A connection that begins with what a proxy says.
#include "../proto/proxy_header_bytes.hpp"
#include "harness.hpp"

namespace starling::net {
namespace {

using State = Connection::State;

class ProxyHeaderConnectionTest : public ConnectionTest {
 protected:
  ProxyHeaderConnectionTest() { connection->expect_proxy_header(); }
};

const std::string request = "GET /a HTTP/1.1\r\nHost: x\r\n\r\n";

TEST_F(ProxyHeaderConnectionTest, what_follows_the_header_is_the_clients_wherever_it_is_cut) {
  const std::string stream = proto::proxied_v4(7, proto::proxied_over_tls()) + request;
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    reset();
    connection->expect_proxy_header();
    arrive(stream.substr(0, cut));
    arrive(stream.substr(cut));
    ASSERT_EQ(owner.headers.size(), 1u) << "cut at " << cut;
    EXPECT_EQ(owner.headers[0].source, base::IpAddress::parse("192.0.2.7"));
    EXPECT_TRUE(owner.headers[0].tls);
    ASSERT_EQ(owner.requests, std::vector<std::string>{"GET /a "}) << "cut at " << cut;
    send_all();
  }
  EXPECT_EQ(metrics.proxy_headers_refused, 0u);
}

TEST_F(ProxyHeaderConnectionTest, it_stands_at_the_beginning_once) {
  arrive(proto::proxied_v4(7) + request);
  send_all();
  peer.clear();
  arrive(proto::proxied_v4(8));
  send_all();
  EXPECT_EQ(owner.headers.size(), 1u);
  EXPECT_TRUE(peer.starts_with("HTTP/1.1 400 ")) << peer;
}

TEST_F(ProxyHeaderConnectionTest, without_it_nothing_is_read_or_answered) {
  arrive(request);
  EXPECT_EQ(metrics.proxy_headers_refused, 1u);
  EXPECT_EQ(connection->state(), State::shut);
  receive_ends(0);
  expect_closed();
  EXPECT_TRUE(owner.requests.empty());
  EXPECT_EQ(ring.sends, 0u);
}

TEST_F(ProxyHeaderConnectionTest, it_has_to_come_in_time) {
  arrive(proto::proxied_v4(7).substr(0, 20));
  pass(limits.head_timeout - std::chrono::milliseconds{1});
  EXPECT_EQ(connection->state(), State::http);
  pass(std::chrono::milliseconds{1});
  EXPECT_EQ(connection->state(), State::shut);
  EXPECT_EQ(ended(Ending::late), 1u);
  receive_ends(0);
  expect_closed();
}

TEST_F(ProxyHeaderConnectionTest, whom_the_owner_does_not_want_is_read_no_further) {
  owner.unwanted = true;
  arrive(proto::proxied_v4(7) + request);
  EXPECT_EQ(connection->state(), State::shut);
  EXPECT_TRUE(owner.requests.empty());
  receive_ends(0);
  expect_closed();
}

TEST_F(ConnectionTest, who_is_no_trusted_proxy_has_nothing_to_say_of_others) {
  arrive(proto::proxied_v4(7) + request);
  send_all();
  EXPECT_TRUE(owner.headers.empty());
  EXPECT_TRUE(peer.starts_with("HTTP/1.1 400 ")) << peer;
}

}  // namespace
}  // namespace starling::net
