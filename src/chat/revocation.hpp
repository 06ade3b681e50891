// The end of all tokens of a user that were issued until some second: what an operator does to who
// has lost one, or is to be kept out. It is kept and read where single tokens are, as a row whose
// token id no token has.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "chat/ids.hpp"

namespace starling::chat {

// Begins such ids. A token whose own id begins so is refused.
inline constexpr char user_revocation_mark = '*';

struct UserRevocation {
  static constexpr base::WallMs for_good = 253'402'300'799'000;  // 9999-12-31T23:59:59Z

  UserId user = 0;
  base::WallMs issued_until = 0;  // inclusive; for_good: nobody issues one that counts

  std::string token_id() const;
  // Nothing for the id of a token.
  static std::optional<UserRevocation> of(std::string_view token_id);
};

// The beginning of token_id() of all revocations of `user`.
std::string revocations_begin(UserId user);

}  // namespace starling::chat
