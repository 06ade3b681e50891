#include "chat/room_interest.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <string>

namespace starling::chat {
namespace {

TEST(RoomInterestTest, holds_a_room_until_it_was_removed_as_often_as_added) {
  const auto interest = std::make_unique<RoomInterest>();
  const RoomBucket buckets[] = {bucket_of("a"), bucket_of("b")};
  EXPECT_FALSE(interest->any_of(buckets));
  interest->add("b");
  EXPECT_TRUE(interest->any_of(buckets));
  // Of two rooms in one bucket one is left.
  std::string twin;
  for (int i = 0; bucket_of(twin = "twin" + std::to_string(i)) != bucket_of("b"); ++i) {
  }
  interest->add(twin);
  interest->remove("b");
  EXPECT_TRUE(interest->any_of(buckets));
  interest->remove(twin);
  EXPECT_FALSE(interest->any_of(buckets));
}

}  // namespace
}  // namespace starling::chat
