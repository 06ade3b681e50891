// Addresses and networks.
#include "base/ip_address.hpp"

#include <gtest/gtest.h>

namespace starling::base {
namespace {

IpAddress address(std::string_view text) { return IpAddress::parse(text).value(); }
IpNetwork network(std::string_view text) { return IpNetwork::parse(text).value(); }

TEST(IpAddressTest, one_address_is_one_value_however_it_is_written) {
  EXPECT_EQ(address("192.0.2.7"), address("::ffff:192.0.2.7"));
  EXPECT_EQ(address("2001:db8::1"), address("2001:DB8:0:0::0001"));
  EXPECT_NE(address("192.0.2.7"), address("192.0.2.8"));
}

TEST(IpAddressTest, what_is_none_is_refused) {
  using namespace std::string_view_literals;
  for (const std::string_view text :
       {""sv, "unknown"sv, "192.0.2"sv, "192.0.2.256"sv, "192.0.2.7:80"sv, "[::1]"sv,
        " 192.0.2.7"sv, "::1%lo"sv, "192.0.2.7\0.evil"sv,
        "1111:1111:1111:1111:1111:1111:1111:1111:1111:1111"sv}) {
    EXPECT_FALSE(IpAddress::parse(text)) << text;
  }
}

TEST(IpAddressTest, limits_count_an_address_of_four_bytes_and_a_network_of_eight) {
  EXPECT_EQ(address("192.0.2.7").subscriber().size(), 4u);
  EXPECT_EQ(address("::ffff:192.0.2.7").subscriber(), address("192.0.2.7").subscriber());
  EXPECT_EQ(address("2001:db8::1").subscriber(), address("2001:db8::ffff:1").subscriber());
  EXPECT_NE(address("2001:db8::1").subscriber(), address("2001:db8:0:1::1").subscriber());
}

TEST(IpNetworkTest, contains_what_begins_alike) {
  EXPECT_TRUE(network("10.0.0.0/8").contains(address("10.255.0.1")));
  EXPECT_TRUE(network("10.0.0.0/8").contains(address("::ffff:10.255.0.1")));
  EXPECT_FALSE(network("10.0.0.0/8").contains(address("11.0.0.0")));
  EXPECT_TRUE(network("192.0.2.128/25").contains(address("192.0.2.200")));
  EXPECT_FALSE(network("192.0.2.128/25").contains(address("192.0.2.127")));
  EXPECT_TRUE(network("192.0.2.7").contains(address("192.0.2.7")));
  EXPECT_FALSE(network("192.0.2.7").contains(address("192.0.2.6")));
  EXPECT_TRUE(network("2001:db8::/33").contains(address("2001:db8:7fff::1")));
  EXPECT_FALSE(network("2001:db8::/33").contains(address("2001:db8:8000::1")));
  EXPECT_TRUE(network("::/0").contains(address("2001:db8::1")));
  EXPECT_TRUE(network("0.0.0.0/0").contains(address("192.0.2.7")));
  EXPECT_FALSE(network("0.0.0.0/0").contains(address("2001:db8::1"))) << "all of IPv4 alone";
}

TEST(IpNetworkTest, what_is_none_is_refused) {
  for (const char* text : {"", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8/8",
                           "10.0.0.0/8x", "::1/129", "example.org/8", "10.0.0.0/+8"}) {
    EXPECT_FALSE(IpNetwork::parse(text)) << text;
  }
}

}  // namespace
}  // namespace starling::base
