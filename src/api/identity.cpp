#include "api/identity.hpp"

#include <jwt.h>
#include <sodium.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>
#include <utility>

#include "api/bounds.hpp"
#include "base/check.hpp"
#include "chat/revocation.hpp"
#include "proto/tokens.hpp"

namespace starling::api {
namespace {

constexpr std::size_t token_id_bytes = 16;
constexpr base::WallMs ms_per_second = 1'000;

using Jwt = std::unique_ptr<jwt_t, decltype(&jwt_free)>;

// The user that `sub` names: 1 to 2^53-1 in decimal, no more and no less.
std::optional<chat::UserId> user_of_subject(const char* subject) {
  if (!subject) return std::nullopt;
  const std::string_view text{subject};
  if (text.empty() || text.front() == '0') return std::nullopt;
  chat::UserId user = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), user);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) return std::nullopt;
  if (user == 0 || user > chat::max_id) return std::nullopt;
  return user;
}

std::string random_token_id() {
  std::array<unsigned char, token_id_bytes> bytes;
  randombytes_buf(bytes.data(), bytes.size());
  std::array<char, token_id_bytes * 2 + 1> hex;
  sodium_bin2hex(hex.data(), hex.size(), bytes.data(), bytes.size());
  return hex.data();
}

}  // namespace

struct TokenKeys::Impl {
  jwt_alg_t algorithm;
  std::string key;  // the secret, or the public key as PEM text

  const unsigned char* bytes() const { return reinterpret_cast<const unsigned char*>(key.data()); }
  int size() const { return static_cast<int>(key.size()); }
};

TokenKeys::TokenKeys(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TokenKeys::TokenKeys(TokenKeys&&) noexcept = default;
TokenKeys& TokenKeys::operator=(TokenKeys&&) noexcept = default;
TokenKeys::~TokenKeys() = default;

base::Result<TokenKeys> TokenKeys::from_secret(std::string secret) {
  if (secret.size() < min_secret_bytes) {
    return base::failure("auth.secret has fewer than " + std::to_string(min_secret_bytes) +
                         " bytes");
  }
  return TokenKeys{std::make_unique<Impl>(Impl{JWT_ALG_HS256, std::move(secret)})};
}

base::Result<TokenKeys> TokenKeys::from_public_key(std::string pem) {
  if (pem.find("-----BEGIN PUBLIC KEY-----") == std::string::npos) {
    return base::failure("auth.public_key_file holds no PEM public key (BEGIN PUBLIC KEY)");
  }
  return TokenKeys{std::make_unique<Impl>(Impl{JWT_ALG_RS256, std::move(pem)})};
}

bool TokenKeys::can_mint() const { return impl_->algorithm == JWT_ALG_HS256; }

std::string TokenKeys::mint(chat::UserId user, std::string_view name, base::WallMs now,
                            base::WallMs lifetime_ms) const {
  CHECK(can_mint());
  jwt_t* raw = nullptr;
  CHECK(jwt_new(&raw) == 0);  // fails without memory only
  const Jwt token{raw, &jwt_free};
  jwt_add_grant(raw, "sub", std::to_string(user).c_str());
  jwt_add_grant(raw, "name", std::string{name}.c_str());
  jwt_add_grant_int(raw, "iat", now / ms_per_second);
  jwt_add_grant_int(raw, "exp", (now + lifetime_ms) / ms_per_second);
  jwt_add_grant(raw, "jti", random_token_id().c_str());
  CHECK(jwt_set_alg(raw, impl_->algorithm, impl_->bytes(), impl_->size()) == 0);
  char* const text = jwt_encode_str(raw);
  CHECK(text != nullptr);
  std::string minted{text};
  std::free(text);
  return minted;
}

std::optional<Identity> TokenKeys::verify(std::string_view token, base::WallMs now) const {
  if (token.empty() || token.size() > max_token_bytes) return std::nullopt;
  if (token.find('\0') != std::string_view::npos) return std::nullopt;
  jwt_t* raw = nullptr;
  // Given a key, the library refuses unsigned tokens. That the algorithm is ours is looked at
  // below, before anything in the token is believed; a public key is never taken for a secret,
  // because a configuration has one algorithm.
  if (jwt_decode(&raw, std::string{token}.c_str(), impl_->bytes(), impl_->size()) != 0) {
    return std::nullopt;
  }
  const Jwt decoded{raw, &jwt_free};
  if (jwt_get_alg(raw) != impl_->algorithm) return std::nullopt;
  const std::optional<chat::UserId> user = user_of_subject(jwt_get_grant(raw, "sub"));
  const long expires = jwt_get_grant_int(raw, "exp");  // 0 where it is absent or no integer
  const long not_before = jwt_get_grant_int(raw, "nbf");
  const base::WallMs seconds = now / ms_per_second;
  if (!user || expires <= seconds || not_before > seconds) return std::nullopt;
  constexpr long last_second = 253'402'300'799;  // 9999-12-31T23:59:59Z
  Identity identity;
  identity.user = *user;
  identity.expires = std::min(expires, last_second) * ms_per_second;
  if (const char* name = jwt_get_grant(raw, "name")) identity.name = name;
  if (const char* id = jwt_get_grant(raw, "jti")) identity.token_id = id;
  if (identity.token_id.starts_with(chat::user_revocation_mark)) return std::nullopt;
  const long issued = jwt_get_grant_int(raw, "iat");  // 0 where it is absent or no integer
  identity.issued = std::clamp(issued, 0L, last_second) * ms_per_second;
  return identity;
}

namespace {

std::string_view bearer_token(const proto::HttpRequest& request) {
  constexpr std::string_view scheme = "bearer ";
  const std::string_view header = request.header("authorization");
  if (header.size() <= scheme.size()) return {};
  if (!proto::equal_ignoring_case(header.substr(0, scheme.size()), scheme)) return {};
  return proto::trim(header.substr(scheme.size()));
}

std::string_view cookie_token(const proto::HttpRequest& request) {
  for (const auto& [name, value] : request.headers) {
    if (name != "cookie") continue;
    std::string_view rest = value;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(';'), rest.size());
      const std::string_view pair = proto::trim(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (pair.size() > cookie_name.size() && pair.starts_with(cookie_name) &&
          pair[cookie_name.size()] == '=') {
        return pair.substr(cookie_name.size() + 1);
      }
    }
  }
  return {};
}

}  // namespace

std::string_view token_of(const proto::HttpRequest& request) {
  const std::string_view bearer = bearer_token(request);
  return bearer.empty() ? cookie_token(request) : bearer;
}

bool token_is_cookie(const proto::HttpRequest& request) {
  return bearer_token(request).empty() && !cookie_token(request).empty();
}

std::string set_cookie(std::string_view token, base::WallMs lifetime_ms, bool secure) {
  std::string cookie{cookie_name};
  cookie.append("=").append(token).append("; Path=/; HttpOnly; SameSite=Strict; Max-Age=");
  cookie += token.empty() ? "0" : std::to_string(lifetime_ms / ms_per_second);
  if (secure) cookie += "; Secure";
  return cookie;
}

}  // namespace starling::api
