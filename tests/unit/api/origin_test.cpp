// Which web pages may speak to the server.
#include "api/origin.hpp"

#include <gtest/gtest.h>

namespace starling::api {
namespace {

TEST(OriginTest, the_own_host_and_who_sends_none_may) {
  const OriginRule rule;
  EXPECT_TRUE(origin_allowed(rule, "", "chat.example"));
  EXPECT_TRUE(origin_allowed(rule, "", ""));
  EXPECT_TRUE(origin_allowed(rule, "http://chat.example", "chat.example"));
  EXPECT_TRUE(origin_allowed(rule, "https://chat.example", "chat.example"));
  EXPECT_TRUE(origin_allowed(rule, "http://Chat.Example:8080", "chat.example:8080"));
  EXPECT_TRUE(origin_allowed(rule, "http://[::1]:8080", "[::1]:8080"));
}

TEST(OriginTest, nobody_else_may) {
  const OriginRule rule;
  for (const char* origin :
       {"null", "http://evil.example", "http://chat.example.evil", "http://chat.example:81",
        "http://evilchat.example", "ftp://chat.example", "chat.example", "http://", "https://",
        "http://chat.example/", "http://chat.example@evil", "http://localhost", " ",
        "http:///chat.example"}) {
    EXPECT_FALSE(origin_allowed(rule, origin, "chat.example")) << origin;
  }
  EXPECT_FALSE(origin_allowed(rule, "http://", "")) << "no host is not a host of no name";
}

TEST(OriginTest, those_of_the_list_may_with_scheme_and_port) {
  const OriginRule rule{{"https://app.example", "http://dev.example:3000"}, false};
  EXPECT_TRUE(origin_allowed(rule, "https://app.example", "chat.example"));
  EXPECT_TRUE(origin_allowed(rule, "https://APP.example", "chat.example"));
  EXPECT_TRUE(origin_allowed(rule, "http://dev.example:3000", "chat.example"));
  EXPECT_FALSE(origin_allowed(rule, "http://app.example", "chat.example"));
  EXPECT_FALSE(origin_allowed(rule, "https://app.example:444", "chat.example"));
  EXPECT_FALSE(origin_allowed(rule, "https://app.example.evil", "chat.example"));
  EXPECT_FALSE(origin_allowed(rule, "http://dev.example", "chat.example"));
}

TEST(OriginTest, loopback_pages_may_where_that_is_the_rule) {
  const OriginRule open{{}, true};
  for (const char* origin : {"http://localhost", "http://localhost:3000", "https://LOCALHOST:1",
                             "http://127.0.0.1:5173", "http://[::1]", "http://[::1]:8"}) {
    EXPECT_TRUE(origin_allowed(open, origin, "127.0.0.1:8080")) << origin;
    EXPECT_FALSE(origin_allowed({}, origin, "127.0.0.1:8080")) << origin;
  }
  for (const char* origin : {"http://localhost.evil", "http://127.0.0.1.evil", "http://[::1].evil",
                             "http://evil:80", "http://[::2]", "null"}) {
    EXPECT_FALSE(origin_allowed(open, origin, "127.0.0.1:8080")) << origin;
  }
}

}  // namespace
}  // namespace starling::api
