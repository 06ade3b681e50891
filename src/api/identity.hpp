// Identity: who a request or a session is. JSON Web Tokens (RFC 7519) with one algorithm per
// configuration: HS256 with a secret, or RS256 with a public key; `none` never.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "chat/ids.hpp"
#include "proto/http.hpp"

namespace starling::api {

struct Identity {
  chat::UserId user = 0;
  std::string name;
  std::string token_id;     // `jti`; empty if the token has none
  base::WallMs issued = 0;  // `iat`; 0 if the token has none
  base::WallMs expires = 0;
};

// What a call's cookie and headers say. The name of the cookie is `starling`.
inline constexpr std::string_view cookie_name = "starling";

inline constexpr std::size_t min_secret_bytes = 16;

class TokenKeys {
 public:
  // HS256: mints and verifies. At least min_secret_bytes.
  static base::Result<TokenKeys> from_secret(std::string secret);
  // RS256: verifies only. PEM text.
  static base::Result<TokenKeys> from_public_key(std::string pem);
  TokenKeys(TokenKeys&&) noexcept;
  TokenKeys& operator=(TokenKeys&&) noexcept;
  ~TokenKeys();

  bool can_mint() const;
  // `sub`, `name`, `iat`, `exp` (now + lifetime), `jti` (128 random bits). Requires can_mint().
  std::string mint(chat::UserId user, std::string_view name, base::WallMs now,
                   base::WallMs lifetime_ms) const;
  // Nothing unless the algorithm is ours, the signature fits, `sub` is a user id in decimal,
  // `exp` is there and in the future (and `nbf`, if there, is not), and `jti` is no mark of ours
  // (chat/revocation.hpp).
  std::optional<Identity> verify(std::string_view token, base::WallMs now) const;

 private:
  struct Impl;
  explicit TokenKeys(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The token of `Authorization: Bearer`, else of the cookie; empty if there is none.
std::string_view token_of(const proto::HttpRequest& request);
// Whether the token comes from the cookie (then Origin is checked on REST calls).
bool token_is_cookie(const proto::HttpRequest& request);

// The value of Set-Cookie that keeps a token for `lifetime_ms`, or clears it (empty token).
std::string set_cookie(std::string_view token, base::WallMs lifetime_ms, bool secure);

}  // namespace starling::api
