#include "chat/revocation.hpp"

#include <charconv>

namespace starling::chat {

std::string revocations_begin(UserId user) {
  return user_revocation_mark + std::to_string(user) + "@";
}

std::string UserRevocation::token_id() const {
  return revocations_begin(user) + std::to_string(issued_until);
}

std::optional<UserRevocation> UserRevocation::of(std::string_view token_id) {
  if (!token_id.starts_with(user_revocation_mark)) return std::nullopt;
  UserRevocation revocation;
  const char* const end = token_id.data() + token_id.size();
  const auto user = std::from_chars(token_id.data() + 1, end, revocation.user);
  if (user.ec != std::errc{} || user.ptr == end || *user.ptr != '@') return std::nullopt;
  const auto until = std::from_chars(user.ptr + 1, end, revocation.issued_until);
  if (until.ec != std::errc{} || until.ptr != end) return std::nullopt;
  return revocation;
}

}  // namespace starling::chat
