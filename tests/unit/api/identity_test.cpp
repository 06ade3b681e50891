// Tokens: whose are believed, and what a call's headers say. The forgeries are made by the library
// itself, with the keys that a forger would have.
#include "api/identity.hpp"

#include <gtest/gtest.h>
#include <jwt.h>

#include <cstdlib>
#include <map>
#include <memory>

#include "chat/revocation.hpp"

namespace starling::api {
namespace {

constexpr base::WallMs now = 1'795'000'000'000;
constexpr long now_s = now / 1'000;
const std::string secret = "a secret for the tests";

// A pair for these tests alone.
const std::string private_key = R"(-----BEGIN PRIVATE KEY-----
MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDT2HwCBVJ+RPoN
YTakEb+8JCM3xF/brn4aLEHKjyJ4c8N/64HSsTq7hFHaSGflNvzLqDw5+12yFe8g
cbbrkKo2tM+INxhmCAIXra/A++5x/ia4zoF5wHocqOyOj0kX+ieqAV7BWDatp9LC
C4ZKztnajqv8aXK6qaFlh3vEF9bNqWSeTkEeonA9oWIDMb5h+XB1bPU9TVhpSmIz
sKwTCRkb7XHOcm7D8Ha6K1K4Nu0nPNjHf2SmlqSMcW6bd7xMXDK/7gt9fFZcGYcH
jo7EAc4EcHRWun/mUUX94U6H27Lm2ywN2BVkNUvtPpzmfUEXvysILGS/p/1ycYIs
vghhQ28lAgMBAAECggEACdB03PJv129iTD4Ni31SWNODGYF3VWnt5/rWk3KdIgpu
611hltK6H1d/zpvdywCIpqC6euSFJeEel8Nc5OiUp33UmCwWl8eAMqZLxvuE7kgG
yuIE8pCIYmKFubcJUls2/N5yYYUGMiEHwmXz80GbqySX8tTUdAcJdfbYX4XL4Ebb
5iK+ABFGn6AK3tzlSlI9Ss9tPlNd/mIV3+Aq3pCT6KcXi3Ze6BFfBMhS98lUD8vy
bRYbDIj46kxbSab4GJDPUnLNY1E0CHqrcUNaYVNDd0jNyGnk71xg76IKnpxf0iZV
tkp1Se3FvdGRyik2tKiHJTWOWjStJk8p/L+zz7whowKBgQD+lXbCMn9GoGRUYzgR
ttxK202wwNTu3IEXpJSqcByq238bfGeHQCnBfjr1Own7OUV61aOqaeOsAXOL0ZHh
mZYmV9omodOep9D17cZlRFOOKAMItbfeStaJjOnmHqoWFYdLpq9XfyvIGrdkzEDA
/KzsthGdhCMCpCuw9obWkayGowKBgQDVBijrm9vFsWsayUvUDd/d+H8TNbgdZ5++
VE8U7Obo/2Fn8ChpiViG0Z1VijEMFdjwGu6WyLgwS7P9LdkPMlpbciShb8gxx5bG
/B6d8HhuRf9aaPPnE7PvIPc3yhajDhthwzRptr33e71s/ettTMGf/u/peJ5fC69m
KjLRrlE3lwKBgQCMRbJPwh8avRlK3fhw2j57CGbAMx+gFOMUMdywJGHHSnW4oU0x
2oqnUHQP1t3jDGVaDwjExt9pUMtniKtGkKeIrPNIQfYl/vVF7CNafNFFDIrPa8DJ
vJaE552g69hvnqETb95A6ZMoCIBwC5LKQu7M5mzCS6I2vFpOgSc+ZrmW3QKBgDG2
VEpXfvwtoS8JFtcPvdSRLyaOfL7v9cl251Wcy25IWrTkyKmIUc50kGDr9PI7DvtJ
bbBmewVaRVCqKGNxfsCkbIP4ECH9z+Pz5jk5awFg+Gxi3bhpUq5VZRvx30KCAkXY
Rhz9dmuQxu3ue8hwByeNWPOFIIBRu8b9xgpEwdNVAoGAALU3yKMYQMiKnG9iIcEj
orbbuUDnh+p8/l6qg31g0zATUTegVwPQ0KZkASTa0SFS7thElcwztCnwXXx9MeWi
G8RRadu95Sf50L65zZNj4zKrhYcINIT8dL7yMCYgrBQy/uLDVT5O5Y5R9cPB+oH5
Ao9o9IWeJlufQjEa5mLLsqA=
-----END PRIVATE KEY-----
)";
const std::string public_key = R"(-----BEGIN PUBLIC KEY-----
MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA09h8AgVSfkT6DWE2pBG/
vCQjN8Rf265+GixByo8ieHPDf+uB0rE6u4RR2khn5Tb8y6g8OftdshXvIHG265Cq
NrTPiDcYZggCF62vwPvucf4muM6BecB6HKjsjo9JF/onqgFewVg2rafSwguGSs7Z
2o6r/GlyuqmhZYd7xBfWzalknk5BHqJwPaFiAzG+YflwdWz1PU1YaUpiM7CsEwkZ
G+1xznJuw/B2uitSuDbtJzzYx39kppakjHFum3e8TFwyv+4LfXxWXBmHB46OxAHO
BHB0Vrp/5lFF/eFOh9uy5tssDdgVZDVL7T6c5n1BF78rCCxkv6f9cnGCLL4IYUNv
JQIDAQAB
-----END PUBLIC KEY-----
)";

struct Claims {
  std::string sub = "7";
  std::map<std::string, long> numbers{{"exp", now_s + 60}};
  std::string jti = "the id";
};

std::string sign(const Claims& claims, jwt_alg_t algorithm, const std::string& key) {
  jwt_t* raw = nullptr;
  EXPECT_EQ(jwt_new(&raw), 0);
  const std::unique_ptr<jwt_t, decltype(&jwt_free)> token{raw, &jwt_free};
  if (!claims.sub.empty()) jwt_add_grant(raw, "sub", claims.sub.c_str());
  if (!claims.jti.empty()) jwt_add_grant(raw, "jti", claims.jti.c_str());
  jwt_add_grant(raw, "name", "ann");
  for (const auto& [name, value] : claims.numbers) jwt_add_grant_int(raw, name.c_str(), value);
  const auto* bytes = reinterpret_cast<const unsigned char*>(key.data());
  EXPECT_EQ(jwt_set_alg(raw, algorithm, algorithm == JWT_ALG_NONE ? nullptr : bytes,
                        algorithm == JWT_ALG_NONE ? 0 : static_cast<int>(key.size())),
            0);
  char* const text = jwt_encode_str(raw);
  std::string signed_text{text ? text : ""};
  std::free(text);
  EXPECT_FALSE(signed_text.empty());
  return signed_text;
}

TokenKeys hs256() { return std::move(*TokenKeys::from_secret(secret)); }
TokenKeys rs256() { return std::move(*TokenKeys::from_public_key(public_key)); }

TEST(IdentityTest, what_was_minted_is_believed_until_it_ends) {
  const TokenKeys keys = hs256();
  const std::string token = keys.mint(7, "J\xc3\xb6rg \"\\", now, 60'000);
  const std::optional<Identity> identity = keys.verify(token, now);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->user, 7u);
  EXPECT_EQ(identity->name, "J\xc3\xb6rg \"\\");
  EXPECT_EQ(identity->token_id.size(), 32u);
  EXPECT_EQ(identity->expires, now + 60'000);
  EXPECT_TRUE(keys.verify(token, now + 59'999));
  EXPECT_FALSE(keys.verify(token, now + 60'000));
  EXPECT_NE(keys.verify(keys.mint(7, "ann", now, 60'000), now)->token_id, identity->token_id);
  EXPECT_TRUE(keys.verify(keys.mint(chat::max_id, "ann", now, 60'000), now));
}

// Or logging out by it would end all tokens of whoever it names.
TEST(IdentityTest, no_token_is_named_like_a_revocation_of_a_user) {
  Claims claims;
  claims.jti = chat::UserRevocation{1, now}.token_id();
  EXPECT_FALSE(hs256().verify(sign(claims, JWT_ALG_HS256, secret), now));
}

TEST(IdentityTest, a_token_says_when_it_was_issued) {
  EXPECT_EQ(hs256().verify(hs256().mint(7, "ann", now, 60'000), now)->issued, now / 1'000 * 1'000);
  EXPECT_EQ(hs256().verify(sign({}, JWT_ALG_HS256, secret), now)->issued, 0);
}

TEST(IdentityTest, a_token_of_another_backend_with_the_key_is_believed) {
  const auto identity = hs256().verify(sign({}, JWT_ALG_HS256, secret), now);
  ASSERT_TRUE(identity);
  EXPECT_EQ(identity->user, 7u);
  EXPECT_EQ(identity->name, "ann");
  EXPECT_EQ(identity->token_id, "the id");
  EXPECT_TRUE(rs256().verify(sign({}, JWT_ALG_RS256, private_key), now));
}

TEST(IdentityTest, a_key_that_is_none_is_refused) {
  EXPECT_FALSE(TokenKeys::from_secret(std::string(15, 'x')));
  EXPECT_TRUE(TokenKeys::from_secret(std::string(16, 'x')));
  EXPECT_FALSE(TokenKeys::from_public_key(private_key));
  EXPECT_FALSE(TokenKeys::from_public_key(""));
  TokenKeys keys = hs256();
  EXPECT_TRUE(keys.can_mint());
  keys = rs256();  // as a restart with another setting would have it
  EXPECT_FALSE(keys.can_mint());
  EXPECT_FALSE(rs256().can_mint());
}

TEST(IdentityTest, one_algorithm_and_no_other) {
  const TokenKeys keys = hs256();
  EXPECT_FALSE(keys.verify(sign({}, JWT_ALG_NONE, ""), now));
  EXPECT_FALSE(keys.verify(sign({}, JWT_ALG_HS384, secret), now));
  EXPECT_FALSE(keys.verify(sign({}, JWT_ALG_HS512, secret), now));
  EXPECT_FALSE(keys.verify(sign({}, JWT_ALG_RS256, private_key), now));
  EXPECT_FALSE(keys.verify(sign({}, JWT_ALG_HS256, "another secret altogether"), now));
  EXPECT_FALSE(rs256().verify(sign({}, JWT_ALG_NONE, ""), now));
  EXPECT_FALSE(rs256().verify(sign({}, JWT_ALG_RS512, private_key), now));
  // The public key is public: as a secret it proves nothing.
  EXPECT_FALSE(rs256().verify(sign({}, JWT_ALG_HS256, public_key), now));
}

TEST(IdentityTest, claims_that_must_be_there_and_hold) {
  const TokenKeys keys = hs256();
  const auto believed = [&](const Claims& claims) {
    return keys.verify(sign(claims, JWT_ALG_HS256, secret), now).has_value();
  };
  EXPECT_TRUE(believed({}));
  for (const char* sub : {"", "0", "-7", "+7", "07", " 7", "7 ", "7x", "seven", "7.0",
                          "9007199254740992", "18446744073709551623"}) {
    EXPECT_FALSE(believed({.sub = sub})) << sub;
  }
  EXPECT_TRUE(believed({.sub = "9007199254740991"}));
  EXPECT_TRUE(believed({.jti = ""}));
  EXPECT_FALSE(believed({.numbers = {}})) << "without exp";
  EXPECT_FALSE(believed({.numbers = {{"exp", now_s}}}));
  EXPECT_TRUE(believed({.numbers = {{"exp", now_s + 1}}}));
  EXPECT_FALSE(believed({.numbers = {{"exp", -1}}}));
  EXPECT_FALSE(believed({.numbers = {{"exp", now_s + 60}, {"nbf", now_s + 1}}}));
  EXPECT_TRUE(believed({.numbers = {{"exp", now_s + 60}, {"nbf", now_s}}}));
  // An end beyond all years is the last one, and overflows nothing.
  const auto forever = keys.verify(
      sign({.numbers = {{"exp", 9'000'000'000'000'000'000}}}, JWT_ALG_HS256, secret), now);
  ASSERT_TRUE(forever);
  EXPECT_EQ(forever->expires, 253'402'300'799'000);
}

TEST(IdentityTest, a_token_that_was_touched_is_refused) {
  const TokenKeys keys = hs256();
  const std::string token = keys.mint(7, "ann", now, 60'000);
  // The last character of each part may hold unused bits; every other one counts.
  for (std::size_t i = 0; i + 1 < token.size(); ++i) {
    if (token[i] == '.' || token[i + 1] == '.') continue;
    std::string other = token;
    other[i] = other[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(keys.verify(other, now)) << i;
  }
  for (const std::string& wrong :
       {std::string{}, std::string{"."}, std::string{".."}, token + ".x", token.substr(1),
        token + std::string(1, '\0'), std::string(5'000, 'x'), token.substr(0, token.rfind('.')),
        token.substr(0, token.rfind('.') + 1)}) {
    EXPECT_FALSE(keys.verify(wrong, now)) << wrong.size();
  }
}

TEST(IdentityTest, a_token_has_at_most_4096_bytes) {
  const TokenKeys keys = hs256();
  EXPECT_TRUE(keys.verify(keys.mint(7, std::string(2'000, 'n'), now, 60'000), now));
  EXPECT_FALSE(keys.verify(keys.mint(7, std::string(4'000, 'n'), now, 60'000), now));
}

TEST(IdentityTest, the_cookie_is_for_the_server_alone) {
  EXPECT_EQ(set_cookie("t", 2'500, false),
            "starling=t; Path=/; HttpOnly; SameSite=Strict; Max-Age=2");
  EXPECT_EQ(set_cookie("t", 2'500, true),
            "starling=t; Path=/; HttpOnly; SameSite=Strict; Max-Age=2; Secure");
  EXPECT_EQ(set_cookie("", 2'500, false),
            "starling=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
}

TEST(IdentityTest, whether_a_token_is_the_cookies) {
  proto::HttpRequest request;
  EXPECT_FALSE(token_is_cookie(request));
  request.headers = {{"cookie", "starling=c"}};
  EXPECT_EQ(token_of(request), "c");
  EXPECT_TRUE(token_is_cookie(request));
  request.headers.emplace_back("authorization", "Bearer h");
  EXPECT_EQ(token_of(request), "h");
  EXPECT_FALSE(token_is_cookie(request));
}

}  // namespace
}  // namespace starling::api
