#include "server/status.hpp"

#include <gtest/gtest.h>

namespace starling::server {
namespace {

const api::FleetEntry self{"a", "127.0.0.1:8080", "1.0", 1'700'000'000'000, 1, 2, true, "ok", true};

TEST(StatusTest, a_server_that_is_well) {
  EXPECT_EQ(status_text({self}, {7, 0, false}),
            "starling 1.0 on 127.0.0.1:8080 since 2023-11-14T22:13:20.000Z\n"
            "server  a\n"
            "load    1 connection, 2 rooms, 7 messages/s delivered\n"
            "archive ok\n"
            "bus     ok");
}

TEST(StatusTest, what_it_means_that_there_is_no_bus_is_said) {
  api::FleetEntry alone = self;
  alone.bus = "none";
  EXPECT_TRUE(status_text({alone}, {}).ends_with("\nbus     none: this server is alone"));
  EXPECT_TRUE(status_text({alone}, {0, 0, false, true}).ends_with("4 times a second"));
}

TEST(StatusTest, trouble_and_other_servers_are_named) {
  api::FleetEntry ill = self;
  ill.archive = false;
  ill.bus = "away";
  const api::FleetEntry other{"b", "127.0.0.1:8081", "0.9", 1, 3, 1, false, "away", false};
  const std::string text = status_text({ill, other}, {0, 2, true});
  EXPECT_NE(text.find("000Z, draining\n"), std::string::npos) << text;
  EXPECT_NE(text.find("archive failing: messages are refused\nbus     away: messages of other "
                      "servers are read from the archive, 4 times a second\nthreads 2 of them "
                      "standing still"),
            std::string::npos);
  EXPECT_NE(text.find("other   b  127.0.0.1:8081  silent  0.9  3 connections, 1 room  archive "
                      "failing"),
            std::string::npos)
      << text;
}

}  // namespace
}  // namespace starling::server
