#include "chat/revocation.hpp"

#include <gtest/gtest.h>

namespace starling::chat {
namespace {

TEST(RevocationTest, a_users_revocation_is_told_from_a_tokens) {
  const UserRevocation whole{42, 1'700'000'000'123};
  EXPECT_EQ(whole.token_id(), "*42@1700000000123");
  const auto read = UserRevocation::of(whole.token_id());
  ASSERT_TRUE(read);
  EXPECT_EQ(read->user, 42u);
  EXPECT_EQ(read->issued_until, 1'700'000'000'123);
  EXPECT_TRUE(whole.token_id().starts_with(revocations_begin(42)));
  EXPECT_FALSE(whole.token_id().starts_with(revocations_begin(4)));
  for (const char* token :
       {"", "b1946ac9", "42@1", "*", "*42", "*42@", "*@1", "*42@1x", "*x@1", "*42x1"}) {
    EXPECT_FALSE(UserRevocation::of(token)) << token;
  }
}

}  // namespace
}  // namespace starling::chat
