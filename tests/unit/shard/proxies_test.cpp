// Whom limits count where a proxy stands between.
#include "../proto/proxy_header_bytes.hpp"
#include "harness.hpp"

namespace starling::shard {
namespace {

using chat::Limit;
constexpr std::string_view ping = R"({"type":"ping"})";

class ProxiesTest : public ShardTest {
 protected:
  ProxiesTest() { config.http.trusted_proxies = {"127.0.0.0/8"}; }

  std::unique_ptr<TestClient> from(const std::string& address) {
    return connect("starling.v1", {{}, "X-Forwarded-For: " + address + "\r\n"});
  }
  std::unique_ptr<TestClient> behind(std::string header) {
    return connect("starling.v1", {std::move(header), {}});
  }
  void expect_refused(TestClient& client) {
    pump([&] { return client.ended; });
    EXPECT_FALSE(client.upgraded());
  }
};

TEST_F(ProxiesTest, each_client_has_its_own_limits) {
  config.limits.address_connections = 1;
  start();
  auto one = from("192.0.2.1");
  await_frame(*one, "welcome");
  auto two = from("192.0.2.2");
  await_frame(*two, "welcome");
  auto again = from("192.0.2.1");
  pump([&] { return again->status() != 0; });
  EXPECT_EQ(again->status(), 429);
  EXPECT_EQ(quotas->refused(Limit::address_connections), 1u);
  one->hang_up();
  pump([&] { return one->ended; });
  settle();
  auto later = from("192.0.2.1");
  await_frame(*later, "welcome");
}

TEST_F(ProxiesTest, messages_count_for_the_client) {
  config.limits.address_requests_per_second = 1;
  config.limits.address_request_burst = 2;
  start();
  auto one = from("192.0.2.1");
  auto two = from("192.0.2.2");
  for (TestClient* client : {one.get(), two.get()}) {
    client->say(ping);
    await_frame(*client, "pong");
  }
  one->say(ping);
  await_frame(*one, "error");
}

TEST_F(ProxiesTest, who_is_not_trusted_is_not_believed) {
  config.http.trusted_proxies = {"10.0.0.0/8"};
  config.limits.address_connections = 1;
  start();
  auto one = from("192.0.2.1");
  await_frame(*one, "welcome");
  auto two = from("192.0.2.2");
  expect_refused(*two);
}

TEST_F(ProxiesTest, a_header_says_who_it_is_for_the_whole_connection) {
  config.http.proxy_protocol = true;
  config.limits.address_connections = 1;
  start();
  auto one = behind(proto::proxied_v4(1));
  await_frame(*one, "welcome");
  auto two = behind(proto::proxied_v4(2));
  await_frame(*two, "welcome");
  auto again = behind(proto::proxied_v4(1));
  expect_refused(*again);
  EXPECT_EQ(quotas->refused(Limit::address_connections), 1u);
}

TEST_F(ProxiesTest, who_comes_by_a_header_says_nothing_more) {
  config.http.proxy_protocol = true;
  config.limits.address_connections = 1;
  start();
  auto one = connect("starling.v1", {proto::proxied_v4(1), "X-Forwarded-For: 192.0.2.8\r\n"});
  await_frame(*one, "welcome");
  auto again = connect("starling.v1", {proto::proxied_v4(1), "X-Forwarded-For: 192.0.2.9\r\n"});
  expect_refused(*again);
}

TEST_F(ProxiesTest, without_its_header_a_proxy_is_closed_and_counted) {
  config.http.proxy_protocol = true;
  start();
  auto bare = behind({});
  expect_refused(*bare);
  pump([&] { return shard->metrics().proxy_headers_refused == 1; });
}

TEST_F(ProxiesTest, trust_is_reloaded) {
  config.http.trusted_proxies = {};
  config.limits.address_connections = 1;
  start();
  auto one = from("192.0.2.1");
  await_frame(*one, "welcome");
  config.http.trusted_proxies = {"127.0.0.1"};
  shard->reconfigure(config);
  settle();
  auto two = from("192.0.2.2");
  await_frame(*two, "welcome");
}

}  // namespace
}  // namespace starling::shard
