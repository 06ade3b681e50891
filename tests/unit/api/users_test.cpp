// Users and sessions over REST.
#include "harness.hpp"

namespace starling::api {
namespace {

using chat::FailureCode;

class UsersTest : public RestTest {
 protected:
  // The answer's token, and its twin in the cookie, are ann's and live as long as is configured.
  void expect_token_of(chat::UserId id, std::string_view name) {
    const std::string minted = field("token");
    const std::optional<Identity> identity = keys.verify(minted, test_now);
    ASSERT_TRUE(identity) << body();
    EXPECT_EQ(identity->user, id);
    EXPECT_EQ(identity->name, name);
    EXPECT_FALSE(identity->token_id.empty());
    const base::WallMs lifetime = base::WallMs{config.auth.token_days} * 86'400'000;
    EXPECT_EQ(identity->expires, test_now + lifetime);
    EXPECT_EQ(header("Set-Cookie"), "starling=" + minted +
                                        "; Path=/; HttpOnly; SameSite=Strict; Max-Age=" +
                                        std::to_string(lifetime / 1'000));
  }
};

const std::string ann_with_email =
    R"({"id":7,"username":"ann","email":"mail@example.org",)"
    R"("createdAt":"2026-11-18T11:06:39.000Z","lastSeenAt":null,"isOnline":true})";
const std::string ann_without_email =
    R"({"id":7,"username":"ann",)"
    R"("createdAt":"2026-11-18T11:06:39.000Z","lastSeenAt":null,"isOnline":true})";

TEST_F(UsersTest, a_user_without_a_password_is_made_and_gets_a_token) {
  for (const unsigned days : {1u, 30u, 3'650u}) {
    config.auth.token_days = days;
    token.clear();
    call("POST", "/api/users", R"({"username":"ann","email":"mail@example.org"})");
    EXPECT_EQ(asked<chat::CreateUser>().username, "ann");
    EXPECT_EQ(asked<chat::CreateUser>().email, "mail@example.org");
    EXPECT_EQ(asked<chat::CreateUser>().password_hash, "");
    reply(chat::UserFound{user(7, "ann")});
    EXPECT_EQ(status(), 201);
    EXPECT_EQ(field("message"), "User created successfully");
    EXPECT_EQ(field("user"), ann_with_email);
    expect_token_of(7, "ann");
  }
}

TEST_F(UsersTest, a_password_is_hashed_before_the_user_is_made) {
  call("POST", "/api/users", R"({"username":"ann","email":"a@b","password":"12345678"})");
  EXPECT_EQ(asked<chat::HashPassword>().password, "12345678");
  reply(chat::PasswordHashed{"the hash"});
  EXPECT_EQ(asked<chat::CreateUser>().password_hash, "the hash");
  reply(chat::UserFound{user(7, "ann")});
  EXPECT_EQ(status(), 201);
  call("POST", "/api/users", R"({"username":"ann","email":"a@b","password":"12345678"})");
  fail(FailureCode::unavailable);
  EXPECT_EQ(status(), 503) << "the hasher is busy";
}

TEST_F(UsersTest, what_is_wrong_with_a_new_user_is_said) {
  const std::string long_name(51, 'x');
  const std::string long_password(257, 'x');
  const std::string required = "Username and email are required";
  const std::string name =
      "A username has 1 to 50 characters, none of them a control character or "
      "< > & \" '";
  const std::string password = "A password has 8 to 256 bytes";
  const std::pair<std::string, std::string> table[] = {
      {R"({})", required},
      {R"({"username":"ann"})", required},
      {R"({"email":"a@b"})", required},
      {R"({"username":"","email":"a@b"})", required},
      {R"({"username":7,"email":"a@b"})", required},
      {R"({"username":null,"email":"a@b"})", required},
      {R"({"username":"ann","email":["a@b"]})", required},
      {R"({"username":"a<b","email":"a@b"})", name},
      {R"({"username":"a\u0000b","email":"a@b"})", name},
      {R"({"username":" ann","email":"a@b"})", name},
      {R"({"username":")" + long_name + R"(","email":"a@b"})", name},
      {R"({"username":"ann","email":"no address"})", "The email address is not valid"},
      {R"({"username":"ann","email":"@b"})", "The email address is not valid"},
      {R"({"username":"ann","email":"a@b","password":"1234567"})", password},
      {R"({"username":"ann","email":"a@b","password":""})", password},
      {R"({"username":"ann","email":"a@b","password":12345678})", password},
      {R"({"username":"ann","email":"a@b","password":"1234\u00005678"})", password},
      {R"({"username":"ann","email":"a@b","password":")" + long_password + R"("})", password},
  };
  for (const auto& [text, error] : table) {
    call("POST", "/api/users", text);
    expect_problem(400, "bad_request", error);
  }
  call("POST", "/api/users", R"({"username":"ann","email":"a@b"})");
  fail(FailureCode::conflict, "Username already exists");
  expect_problem(409, "conflict", "Username already exists");
  expect_failures_become_statuses("POST", "/api/users", R"({"username":"ann","email":"a@b"})");
}

TEST_F(UsersTest, a_cookie_that_came_over_tls_stays_on_it) {
  caller.over_tls = true;
  call("POST", "/api/users", R"({"username":"ann","email":"a@b"})");
  reply(chat::UserFound{user(7, "ann")});
  EXPECT_TRUE(header("Set-Cookie").ends_with("; Secure")) << header("Set-Cookie");
  call("POST", "/api/sessions");
  reply(chat::UserFound{user(7, "ann")});
  EXPECT_TRUE(header("Set-Cookie").ends_with("; Secure")) << header("Set-Cookie");
  call("DELETE", "/api/sessions");
  reply(chat::TokenRevoked{});
  EXPECT_TRUE(header("Set-Cookie").ends_with("; Secure")) << header("Set-Cookie");
}

TEST_F(UsersTest, without_a_key_to_mint_with_no_token_is_given) {
  context.keys = nullptr;
  config.auth.mode = AuthMode::open;
  call("POST", "/api/users", R"({"username":"ann","email":"a@b"})");
  reply(chat::UserFound{user(7, "ann")});
  EXPECT_EQ(status(), 201);
  EXPECT_EQ(field("token"), "(absent)");
  EXPECT_EQ(header("Set-Cookie"), "");
  call("POST", "/api/sessions", R"({"username":"ann","password":"12345678"})");
  expect_problem(403, "forbidden", "This server does not issue tokens");
}

TEST_F(UsersTest, lists_are_bounded_and_show_the_own_email_only) {
  call("GET", "/api/users");
  EXPECT_FALSE(asked<chat::ListUsers>().online_only);
  EXPECT_EQ(asked<chat::ListUsers>().limit, 100u);
  EXPECT_EQ(asked<chat::ListUsers>().after, 0u);
  call("GET", "/api/users?online_only=true&limit=1000&after=12");
  EXPECT_TRUE(asked<chat::ListUsers>().online_only);
  EXPECT_EQ(asked<chat::ListUsers>().limit, 100u);
  EXPECT_EQ(asked<chat::ListUsers>().after, 12u);
  call("GET", "/api/users?online_only=0&limit=3");
  EXPECT_FALSE(asked<chat::ListUsers>().online_only);
  EXPECT_EQ(asked<chat::ListUsers>().limit, 3u);
  call("GET", "/api/users?online_only=1");
  EXPECT_TRUE(asked<chat::ListUsers>().online_only);
  reply(chat::UsersListed{{user(7, "ann"), user(8, "bob")}});
  EXPECT_EQ(status(), 200);
  const std::string bob = R"({"id":8,"username":"bob",)" + ann_without_email.substr(25);
  EXPECT_EQ(body(), R"({"users":[)" + ann_with_email + "," + bob + "]}");
  EXPECT_EQ(header("Cache-Control"), "no-store");
  expect_failures_become_statuses("GET", "/api/users");
}

TEST_F(UsersTest, who_is_online) {
  call("GET", "/api/users/online?limit=5&after=2");
  EXPECT_TRUE(asked<chat::ListUsers>().online_only);
  EXPECT_EQ(asked<chat::ListUsers>().limit, 5u);
  EXPECT_EQ(asked<chat::ListUsers>().after, 2u);
  reply(chat::UsersListed{{user(7, "ann")}});
  EXPECT_EQ(body(), R"({"count":1,"users":[)" + ann_with_email + R"(],"generated_at":")" +
                        std::string{test_now_text} + "\"}");
  expect_failures_become_statuses("GET", "/api/users/online");
}

TEST_F(UsersTest, one_user_by_id_or_name) {
  call("GET", "/api/users/7");
  EXPECT_EQ(asked<chat::FindUser>().id, 7u);
  reply(chat::UserFound{user(7, "ann")});
  EXPECT_EQ(std::pair(status(), body()), std::pair(200, ann_with_email));
  call("GET", "/api/users/username/J%C3%B6rg%20B");
  EXPECT_EQ(asked<chat::FindUser>().id, 0u);
  EXPECT_EQ(asked<chat::FindUser>().username, "J\xc3\xb6rg B");
  chat::User other = user(7, "ann");
  other.id = 8;
  other.last_seen_at = test_now;
  reply(chat::UserFound{other});
  EXPECT_EQ(field("email"), "(absent)");
  EXPECT_EQ(field("lastSeenAt"), test_now_text);
  config.auth.mode = AuthMode::open;
  call("GET", "/api/users/8");
  reply(chat::UserFound{other});
  EXPECT_EQ(field("email"), "mail@example.org") << "open mode shows all";
  for (const std::string_view wrong : {"0", "-1", "x", "7x", "9007199254740992", "1e3"}) {
    call("GET", "/api/users/" + std::string{wrong});
    expect_problem(404, "not_found", "User not found");
  }
  expect_failures_become_statuses("GET", "/api/users/7");
  expect_failures_become_statuses("GET", "/api/users/username/ann");
}

TEST_F(UsersTest, a_status_is_set_and_told) {
  for (const auto& [value, online] :
       {std::pair{"true", true}, {"false", false}, {"1", true}, {"0", false}}) {
    surroundings.published.clear();
    call("PATCH", "/api/users/7/status", R"({"is_online":)" + std::string{value} + "}");
    EXPECT_EQ(asked<chat::SetStatus>().user, 7u);
    EXPECT_EQ(asked<chat::SetStatus>().online, online);
    EXPECT_TRUE(surroundings.published.empty()) << "told before it is kept";
    chat::User changed = user(7, "ann");
    changed.online = online;
    reply(chat::UserFound{changed});
    EXPECT_EQ(status(), 200);
    EXPECT_EQ(field("message"), "User status updated successfully");
    ASSERT_EQ(surroundings.published.size(), 1u);
    const auto& signal = std::get<chat::StatusSignal>(surroundings.published[0]);
    EXPECT_EQ(signal.user, 7u);
    EXPECT_EQ(signal.online, online);
  }
  call("PATCH", "/api/users/7/status", R"({"isOnline":true})");
  EXPECT_TRUE(asked<chat::SetStatus>().online);
  expect_failures_become_statuses("PATCH", "/api/users/7/status", R"({"is_online":true})");
}

TEST_F(UsersTest, what_is_wrong_with_a_status_is_said) {
  for (const std::string_view text :
       {"{}", R"({"is_online":null})", R"({"is_online":"yes"})", R"({"is_online":2})",
        R"({"is_online":-1})", R"({"is_online":[true]})"}) {
    call("PATCH", "/api/users/7/status", text);
    expect_problem(400, "bad_request", "is_online field is required");
  }
  call("PATCH", "/api/users/8/status", R"({"is_online":true})");
  expect_problem(403, "forbidden", "Only your own status can be set");
  call("PATCH", "/api/users/x/status", R"({"is_online":true})");
  expect_problem(404, "not_found", "User not found");
  config.auth.mode = AuthMode::open;
  call("PATCH", "/api/users/8/status", R"({"is_online":true})");
  EXPECT_EQ(asked<chat::SetStatus>().user, 8u);
}

// ---- sessions --------------------------------------------------------------------------------

TEST_F(UsersTest, a_login_compares_the_password_and_gives_a_token) {
  token.clear();
  call("POST", "/api/sessions", R"({"username":"ann","password":"12345678"})");
  EXPECT_EQ(asked<chat::FindCredentials>().username, "ann");
  reply(chat::CredentialsFound{user(7, "ann"), "the hash"});
  EXPECT_EQ(asked<chat::VerifyPassword>().password, "12345678");
  EXPECT_EQ(asked<chat::VerifyPassword>().hash, "the hash");
  reply(chat::PasswordVerified{true});
  EXPECT_EQ(status(), 201);
  EXPECT_EQ(field("user"), ann_with_email);
  expect_token_of(7, "ann");
}

TEST_F(UsersTest, a_wrong_password_and_an_unknown_name_look_alike) {
  token.clear();
  const auto wrong = [this](chat::Reply found) {
    call("POST", "/api/sessions", R"({"username":"ann","password":"12345678"})");
    reply(std::move(found));
    asked<chat::VerifyPassword>();  // an unknown name takes as long
    reply(chat::PasswordVerified{false});
    expect_problem(401, "unauthenticated", "Wrong username or password");
    EXPECT_EQ(header("Set-Cookie"), "");
  };
  wrong(chat::CredentialsFound{user(7, "ann"), "the hash"});
  wrong(chat::CredentialsFound{user(7, "ann"), ""});
  wrong(chat::Failure{FailureCode::not_found, "User not found"});
  // Even if the hasher said that nothing matches nothing.
  call("POST", "/api/sessions", R"({"username":"nobody","password":"12345678"})");
  fail(FailureCode::not_found);
  reply(chat::PasswordVerified{true});
  EXPECT_EQ(status(), 401);
}

TEST_F(UsersTest, what_is_wrong_with_a_login_is_said) {
  token.clear();
  for (const std::string_view text :
       {"{}", R"({"username":"ann"})", R"({"password":"12345678"})",
        R"({"username":"ann","password":""})", R"({"username":"ann","password":1})"}) {
    call("POST", "/api/sessions", text);
    expect_problem(400, "bad_request", "Username and password are required");
  }
  call("POST", "/api/sessions",
       R"({"username":"ann","password":")" + std::string(257, 'x') + R"("})");
  expect_problem(401, "unauthenticated", "Wrong username or password");
  call("POST", "/api/sessions", R"({"username":"ann","password":"12345678"})");
  fail(FailureCode::unavailable, "the disk is away");
  expect_problem(503, "unavailable", "the disk is away");
  call("POST", "/api/sessions", R"({"username":"ann","password":"12345678"})");
  reply(chat::CredentialsFound{user(7, "ann"), "the hash"});
  fail(FailureCode::unavailable, "the hasher is busy");
  expect_problem(503, "unavailable", "the hasher is busy");
  call("POST", "/api/sessions");
  expect_problem(400, "bad_json", "The body is no JSON object");
}

TEST_F(UsersTest, a_valid_token_alone_is_renewed) {
  call("POST", "/api/sessions");
  EXPECT_EQ(asked<chat::FindUser>().id, 7u);
  reply(chat::UserFound{user(7, "ann")});
  EXPECT_EQ(status(), 201);
  expect_token_of(7, "ann");
  EXPECT_NE(field("token"), token);
  call("POST", "/api/sessions");
  fail(FailureCode::not_found, "User not found");
  expect_problem(404, "not_found", "User not found");
}

TEST_F(UsersTest, a_logout_revokes_clears_the_cookie_and_tells) {
  call("DELETE", "/api/sessions");
  const std::optional<Identity> identity = keys.verify(token, test_now);
  EXPECT_EQ(asked<chat::RevokeToken>().token_id, identity->token_id);
  EXPECT_EQ(asked<chat::RevokeToken>().user, 7u);
  // Remembered for longer than it holds, in case a clock is ahead and set back.
  constexpr base::WallMs week = 7 * 86'400'000;
  EXPECT_EQ(asked<chat::RevokeToken>().expires, identity->expires + week);
  EXPECT_TRUE(surroundings.published.empty());
  reply(chat::TokenRevoked{});
  EXPECT_EQ(status(), 204);
  EXPECT_TRUE(body().empty());
  EXPECT_EQ(header("Set-Cookie"), "starling=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0");
  ASSERT_EQ(surroundings.published.size(), 1u);
  EXPECT_EQ(std::get<chat::RevokedSignal>(surroundings.published[0]).token_id, identity->token_id);
  surroundings.published.clear();
  expect_failures_become_statuses("DELETE", "/api/sessions");
  EXPECT_TRUE(surroundings.published.empty()) << "told though it was not kept";
}

TEST_F(UsersTest, registration_is_open_by_invitation_or_off) {
  const auto status_with = [this](std::string_view body) {
    call("POST", "/api/users", body);
    return answered() ? status() : 0;
  };
  config.auth.invite_code = "let me in";
  const std::string begin = R"({"username":"ann","email":"a@b")";
  EXPECT_EQ(status_with(begin + "}"), 0);
  config.auth.registration = "off";
  EXPECT_EQ(status_with(begin + R"(,"invite":"let me in"})"), 403);
  expect_problem(403, "forbidden", "New users cannot register here");
  config.auth.registration = "invite";
  EXPECT_EQ(status_with(begin + R"(,"invite":"let me in"})"), 0);
  for (const std::string_view code : {"", "let me", "let me iN", "let me in ", "\\u0000"}) {
    EXPECT_EQ(status_with(begin + R"(,"invite":")" + std::string{code} + "\"}"), 403) << code;
  }
  EXPECT_EQ(status_with(begin + "}"), 403);
  expect_problem(403, "forbidden", "The invitation code is not valid");
}

TEST_F(UsersTest, an_address_registers_so_many_and_tries_so_many_codes) {
  config.auth.registrations_per_hour = 3;
  config.auth.registration = "invite";
  config.auth.invite_code = "let me in";
  limit();
  const std::string body = R"({"username":"ann","email":"a@b","invite":"guess"})";
  for (int i = 0; i < 3; ++i) {
    call("POST", "/api/users", body);
    EXPECT_EQ(status(), 403);
  }
  call("POST", "/api/users", R"({"username":"ann","email":"a@b","invite":"let me in"})");
  expect_problem(429, "rate_limited", "Too many requests of this kind; try again later");
  EXPECT_EQ(header("Retry-After"), "1200");
  caller.address = 2;
  call("POST", "/api/users", body);
  EXPECT_EQ(status(), 403);
  caller.address = 1;
  surroundings.instant += std::chrono::seconds{1'200};
  call("POST", "/api/users", body);
  EXPECT_EQ(status(), 403);
}

TEST_F(UsersTest, logins_are_limited_by_address_and_by_account) {
  config.auth.logins_per_minute = 5;
  config.auth.account_logins_per_minute = 2;
  limit();
  token.clear();
  // The names of one account are many; it is known by its user.
  const auto log_in = [this](std::string_view name, chat::UserId found) {
    call("POST", "/api/sessions",
         R"({"username":")" + std::string{name} + R"(","password":"wrong one"})");
    if (answered()) return status();
    reply(chat::CredentialsFound{user(found, "ann"), "hash"});
    return answered() ? status() : 0;
  };
  EXPECT_EQ(log_in("ann", 7), 0);
  EXPECT_EQ(log_in("ANN", 7), 0);
  EXPECT_EQ(log_in("Ann", 7), 429);
  EXPECT_EQ(header("Retry-After"), "30");
  EXPECT_EQ(quotas->refused(chat::Limit::account_logins), 1u);
  EXPECT_EQ(log_in("bob", 8), 0) << "another account, the same address";
  EXPECT_EQ(log_in("bob", 8), 0);
  EXPECT_EQ(log_in("cat", 9), 429) << "the sixth of the address";
  EXPECT_EQ(quotas->refused(chat::Limit::address_logins), 1u);
  caller.address = 2;
  EXPECT_EQ(log_in("aNN", 7), 429) << "the account stays known at other addresses";
  EXPECT_EQ(log_in("cat", 9), 0);
}

}  // namespace
}  // namespace starling::api
