// Whose request it is that a proxy passes on.
#include "api/forwarded.hpp"

#include <gtest/gtest.h>

namespace starling::api {
namespace {

class ForwardedTest : public testing::Test {
 protected:
  // The client of a request with these lines, each an X-Forwarded-For.
  std::optional<base::IpAddress> client(std::vector<std::string> lines) const {
    proto::HttpRequest request;
    for (std::string& line : lines)
      request.headers.emplace_back("x-forwarded-for", std::move(line));
    return forwarded_for(request, trusted);
  }
  static std::optional<base::IpAddress> address(std::string_view text) {
    return base::IpAddress::parse(text).value();
  }

  std::vector<base::IpNetwork> trusted{*base::IpNetwork::parse("10.0.0.0/8")};
};

TEST_F(ForwardedTest, the_last_of_the_list_is_whom_the_proxy_spoke_to) {
  EXPECT_EQ(client({"192.0.2.7"}), address("192.0.2.7"));
  EXPECT_EQ(client({"198.51.100.1, 192.0.2.7"}), address("192.0.2.7")) << "the first is invented";
  EXPECT_EQ(client({"198.51.100.1", "192.0.2.7"}), address("192.0.2.7"));
  EXPECT_EQ(client({"2001:db8::7"}), address("2001:db8::7"));
}

TEST_F(ForwardedTest, proxies_behind_proxies_are_passed_over) {
  EXPECT_EQ(client({"203.0.113.1, 192.0.2.7, 10.0.0.2, 10.0.0.1"}), address("192.0.2.7"));
  EXPECT_EQ(client({"203.0.113.1, 192.0.2.7", "10.0.0.2"}), address("192.0.2.7"));
  EXPECT_EQ(client({"10.0.0.3, 10.0.0.2"}), address("10.0.0.3")) << "a client inside";
}

TEST_F(ForwardedTest, what_is_no_address_ends_the_list) {
  EXPECT_EQ(client({}), std::nullopt);
  EXPECT_EQ(client({"unknown"}), std::nullopt);
  EXPECT_EQ(client({""}), std::nullopt);
  EXPECT_EQ(client({"192.0.2.7, unknown, 10.0.0.2"}), address("10.0.0.2"));
  EXPECT_EQ(client({"192.0.2.7,"}), address("192.0.2.7"));
}

TEST_F(ForwardedTest, ports_are_left_out) {
  EXPECT_EQ(client({"192.0.2.7:4660"}), address("192.0.2.7"));
  EXPECT_EQ(client({"[2001:db8::7]:4660"}), address("2001:db8::7"));
  EXPECT_EQ(client({"[2001:db8::7]"}), address("2001:db8::7"));
  EXPECT_EQ(client({"["}), std::nullopt);
}

TEST_F(ForwardedTest, https_is_what_the_header_says) {
  const auto says = [](std::string value) {
    proto::HttpRequest request;
    request.headers.emplace_back("x-forwarded-proto", std::move(value));
    return forwarded_https(request);
  };
  EXPECT_TRUE(says("https"));
  EXPECT_TRUE(says("HTTPS"));
  EXPECT_FALSE(says("http"));
  EXPECT_FALSE(says("https, http"));
  EXPECT_FALSE(forwarded_https({}));
}

}  // namespace
}  // namespace starling::api
