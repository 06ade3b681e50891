// PROXY protocol headers: every field, every cut, everything that is none.
#include "proto/proxy_header.hpp"

#include <gtest/gtest.h>

#include "proxy_header_bytes.hpp"

namespace starling::proto {
namespace {

using State = ProxyHeaderReader::State;

std::size_t feed(ProxyHeaderReader& reader, std::string_view bytes) {
  return reader.feed(std::as_bytes(std::span{bytes}));
}

ProxyHeaderReader read(const std::string& bytes) {
  ProxyHeaderReader reader;
  feed(reader, bytes);
  return reader;
}

TEST(ProxyHeaderTest, says_who_the_client_is) {
  const ProxyHeaderReader v4 = read(proxied_v4(7));
  ASSERT_EQ(v4.state(), State::complete);
  EXPECT_EQ(v4.header().source, base::IpAddress::parse("192.0.2.7"));
  EXPECT_FALSE(v4.header().tls);

  std::string addresses{"\x20\x01\x0d\xb8", 4};
  addresses.append(11, '\0').append(1, '\x9').append(16, '\1').append(4, '\2');
  const ProxyHeaderReader v6 = read(proxy_header(0x21, 0x21, addresses));
  ASSERT_EQ(v6.state(), State::complete);
  EXPECT_EQ(v6.header().source, base::IpAddress::parse("2001:db8::9"));
}

TEST(ProxyHeaderTest, says_whether_the_client_speaks_tls) {
  EXPECT_TRUE(read(proxied_v4(7, proxied_over_tls())).header().tls);
  const std::string plain = proxy_addition(0x20, std::string{"\x00\0\0\0\0", 5});
  EXPECT_FALSE(read(proxied_v4(7, plain)).header().tls);
  const std::string others = proxy_addition(0x01, "h2") + proxy_addition(0x04, "padding");
  EXPECT_TRUE(read(proxied_v4(7, others + proxied_over_tls())).header().tls);
}

TEST(ProxyHeaderTest, of_a_proxy_that_speaks_for_itself_nothing_is_believed) {
  for (const std::string& header :
       {proxy_header(0x20, 0x00, ""), proxy_header(0x20, 0x11, std::string(12, '\x9')),
        proxy_header(0x21, 0x00, "whatever"), proxy_header(0x21, 0x31, std::string(216, 'p'))}) {
    const ProxyHeaderReader reader = read(header);
    EXPECT_EQ(reader.state(), State::complete);
    EXPECT_EQ(reader.header().source, std::nullopt);
    EXPECT_FALSE(reader.header().tls);
  }
}

TEST(ProxyHeaderTest, is_read_wherever_it_is_cut_and_no_further) {
  const std::string header = proxied_v4(7, proxied_over_tls());
  const std::string stream = header + "GET / HTTP/1.1\r\n";
  for (std::size_t one = 0; one <= stream.size(); ++one) {
    for (std::size_t two = one; two <= stream.size(); ++two) {
      ProxyHeaderReader reader;
      std::size_t taken = feed(reader, stream.substr(0, one));
      EXPECT_EQ(taken, std::min(one, header.size()));
      taken += feed(reader, stream.substr(taken, two - taken));
      EXPECT_EQ(taken, std::min(two, header.size()));
      taken += feed(reader, stream.substr(taken));
      ASSERT_EQ(taken, header.size());
      ASSERT_EQ(reader.state(), State::complete);
      ASSERT_EQ(reader.header().source, base::IpAddress::parse("192.0.2.7"));
      ASSERT_TRUE(reader.header().tls);
    }
  }
}

TEST(ProxyHeaderTest, what_is_no_header_is_refused_wherever_it_is_cut) {
  const std::string streams[] = {
      "GET / HTTP/1.1\r\n",
      "PROXY TCP4 192.0.2.7 198.51.100.1 4660 443\r\n",  // version 1
      "\r\n\r\nGET / HTTP/1.1\r\n",
      proxy_header(0x11, 0x11, std::string(12, '\1')),  // version 1 in this form
      proxy_header(0x22, 0x11, std::string(12, '\1')),  // no such command
      proxy_header(0x21, 0x12, std::string(12, '\1')),  // datagrams
      proxy_header(0x21, 0x41, std::string(12, '\1')),  // no such family
      proxy_header(0x21, 0x11, std::string(11, '\1')),  // too short for its addresses
      proxy_header(0x21, 0x21, std::string(35, '\1')),
      proxy_header(0x21, 0x31, std::string(215, '\1')),
      proxied_v4(7, "\x20"),                                     // an addition without a length
      proxied_v4(7, std::string{"\x20\x00\x05\x01", 4}),         // longer than what is there
      proxied_v4(7, proxy_addition(0x20, "\x01")),               // too short to say what it must
      proxied_v4(7, std::string(max_proxy_header_bytes, '\1')),  // beyond the bound
  };
  for (const std::string& stream : streams) {
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
      ProxyHeaderReader reader;
      feed(reader, stream.substr(0, cut));
      feed(reader, stream.substr(cut));
      ASSERT_EQ(reader.state(), State::malformed) << stream.substr(12) << " cut at " << cut;
    }
  }
}

TEST(ProxyHeaderTest, is_refused_at_the_first_byte_that_is_wrong) {
  ProxyHeaderReader http;
  feed(http, "G");
  EXPECT_EQ(http.state(), State::malformed);
  ProxyHeaderReader long_one;
  feed(long_one, proxied_v4(7, std::string(max_proxy_header_bytes, '\1')).substr(0, 16));
  EXPECT_EQ(long_one.state(), State::malformed) << "its length says enough";
  EXPECT_EQ(feed(long_one, "more"), 0u);
}

TEST(ProxyHeaderTest, the_largest_is_read) {
  const std::size_t room = max_proxy_header_bytes - proxied_v4(7).size() - 3;
  const ProxyHeaderReader reader =
      read(proxied_v4(7, proxy_addition(0x04, std::string(room, 'p'))));
  EXPECT_EQ(reader.state(), State::complete);
}

}  // namespace
}  // namespace starling::proto
