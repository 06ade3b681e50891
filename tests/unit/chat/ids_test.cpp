#include "chat/ids.hpp"

#include <gtest/gtest.h>

#include <string>

#include "chat/failure.hpp"

namespace starling::chat {
namespace {

TEST(IdsTest, room_ids) {
  for (const char* good : {"general", "A-1_b.c", "x"}) EXPECT_TRUE(valid_room_id(good)) << good;
  for (const char* bad : {"", "a b", "a/b", "ü", "a\n"}) EXPECT_FALSE(valid_room_id(bad)) << bad;
  EXPECT_TRUE(valid_room_id(std::string(50, 'x')));
  EXPECT_FALSE(valid_room_id(std::string(51, 'x')));
}

TEST(IdsTest, user_names_are_counted_in_characters) {
  std::string fifty;
  for (int i = 0; i < 50; ++i) fifty += "ü";
  EXPECT_TRUE(valid_username(fifty));
  EXPECT_FALSE(valid_username(fifty + "x"));
  for (const char* bad : {"", " a", "a ", "a<", "a>", "a&", "a\"", "a'", "a\x7f", "a\xc2\x85"}) {
    EXPECT_FALSE(valid_username(bad)) << bad;
  }
  EXPECT_TRUE(valid_username("Ann of the House"));
}

TEST(IdsTest, keys_types_and_addresses) {
  EXPECT_TRUE(valid_client_message_id("a-1"));
  EXPECT_FALSE(
      valid_client_message_id("\x01"
                              "1"));
  EXPECT_FALSE(valid_client_message_id("a b"));
  EXPECT_FALSE(valid_client_message_id(std::string(65, 'x')));
  EXPECT_TRUE(valid_message_type("text"));
  EXPECT_FALSE(valid_message_type("Text"));
  EXPECT_TRUE(valid_email("a@b"));
  for (const char* bad : {"", "@b", "a@", "a b@c", "ab"}) EXPECT_FALSE(valid_email(bad)) << bad;
}

TEST(FailureTest, only_two_are_worth_trying_again) {
  EXPECT_TRUE(retryable(FailureCode::unavailable));
  EXPECT_TRUE(retryable(FailureCode::rate_limited));
  EXPECT_FALSE(retryable(FailureCode::forbidden));
  EXPECT_EQ(to_string(FailureCode::not_in_room), "not_in_room");
}

}  // namespace
}  // namespace starling::chat
