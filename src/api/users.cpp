// Users and sessions.
#include <sodium.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "api/bounds.hpp"
#include "api/route.hpp"

namespace starling::api {
namespace {

using chat::FailureCode;
using proto::HttpResponse;
using proto::JsonWriter;

constexpr base::WallMs ms_per_day = 86'400'000;
// Revocations outlive their tokens by this: a clock that was ahead for a while and is right again
// must not have made anybody forget them.
constexpr base::WallMs clock_error = 7 * ms_per_day;

bool can_mint(const RestContext& context) { return context.keys && context.keys->can_mint(); }

// Puts a new token for the user into the body that is being written and into a cookie. A
// browser that came over TLS never sends it without.
void grant_token(const RestContext& context, bool over_tls, const chat::User& user,
                 JsonWriter& json, HttpResponse& response) {
  if (!can_mint(context)) return;
  const base::WallMs lifetime = base::WallMs{context.config->auth.token_days} * ms_per_day;
  const std::string token =
      context.keys->mint(user.id, user.username, context.surroundings->wall_clock(), lifetime);
  json.field("token", token);
  response.headers.emplace_back("Set-Cookie", set_cookie(token, lifetime, over_tls));
}

HttpResponse user_response(const chat::User& user, bool with_email) {
  std::string body;
  JsonWriter json{body};
  write_user(json, user, with_email);
  return json_response(200, std::move(body));
}

HttpResponse session_response(const RestContext& context, bool over_tls, const chat::User& user) {
  HttpResponse response = json_response(201, {});
  JsonWriter json{response.body};
  json.begin_object().key("user");
  write_user(json, user, true);
  grant_token(context, over_tls, user, json, response);
  json.end_object();
  return response;
}

HttpResponse wrong_credentials() {
  return failure_response({FailureCode::unauthenticated, "Wrong username or password"});
}

// What a password leads to; `user`: whose it may be, nothing where the name is unknown.
auto verified_session(RestContext* context, bool over_tls, std::optional<chat::User> user) {
  return [context, over_tls, user = std::move(user)](chat::PasswordVerified&& verified) -> Step {
    if (!verified.matches || !user) return wrong_credentials();
    return session_response(*context, over_tls, *user);
  };
}

// Text of a field; empty where it is absent or no text.
std::string text_of(const proto::JsonValue& body, std::string_view name) {
  const std::optional<proto::JsonValue> value = field(body, name);
  return std::string{value ? value->string().value_or("") : std::string_view{}};
}

bool valid_password(std::string_view password) {
  return password.size() >= chat::min_password_bytes &&
         password.size() <= chat::max_password_bytes &&
         password.find('\0') == std::string_view::npos;
}

// Whether a new user is let in; the response that says why not.
std::optional<HttpResponse> not_invited(const RestCall& call, const proto::JsonValue& body) {
  const Config::Auth& auth = call.context.config->auth;
  if (auth.registration == "open") return std::nullopt;
  if (auth.registration == "off") {
    return failure_response({FailureCode::forbidden, "New users cannot register here"});
  }
  const std::string code = text_of(body, "invite");
  // As long for a code that is nearly right as for any other of its length.
  if (code.size() == auth.invite_code.size() &&
      sodium_memcmp(code.data(), auth.invite_code.data(), code.size()) == 0) {
    return std::nullopt;
  }
  return failure_response({FailureCode::forbidden, "The invitation code is not valid"});
}

// A user's own email is shown to them; all of them where `all_emails`.
void write_users(JsonWriter& json, const std::vector<chat::User>& users, bool all_emails,
                 chat::UserId self) {
  json.key("users").begin_array();
  for (const chat::User& user : users) write_user(json, user, all_emails || user.id == self);
  json.end_array();
}

Step insert_user(RestContext* context, bool over_tls, chat::CreateUser wanted) {
  return ask<chat::UserFound>(
      chat::WriteRequest{std::move(wanted)}, [context, over_tls](chat::UserFound&& found) -> Step {
        HttpResponse response = json_response(201, {});
        JsonWriter json{response.body};
        json.begin_object().field("message", "User created successfully").key("user");
        write_user(json, found.user, true);
        grant_token(*context, over_tls, found.user, json, response);
        json.end_object();
        return response;
      });
}

}  // namespace

Step create_user(RestCall& call) {
  const chat::SketchKey address = call.context.quotas->key_of(call.caller.address);
  if (auto no = call.refused(chat::Limit::address_registrations, address)) return std::move(*no);
  const auto body = json_body(call);
  if (!body) return body.error();
  if (auto no = not_invited(call, *body)) return std::move(*no);
  chat::CreateUser wanted{text_of(*body, "username"), text_of(*body, "email"), {}};
  if (wanted.username.empty() || wanted.email.empty()) {
    return bad_request("Username and email are required");
  }
  if (!chat::valid_username(wanted.username)) {
    return bad_request(
        "A username has 1 to 50 characters, none of them a control character or < > & \" '");
  }
  if (!chat::valid_email(wanted.email)) return bad_request("The email address is not valid");
  RestContext* const context = &call.context;
  const bool over_tls = call.caller.over_tls;
  const std::optional<proto::JsonValue> password = field(*body, "password");
  if (!password) return insert_user(context, over_tls, std::move(wanted));
  const std::optional<std::string_view> text = password->string();
  if (!text || !valid_password(*text)) return bad_request("A password has 8 to 256 bytes");
  return ask<chat::PasswordHashed>(chat::HashRequest{chat::HashPassword{std::string{*text}}},
                                   [context, over_tls, wanted = std::move(wanted)](
                                       chat::PasswordHashed&& hashed) mutable -> Step {
                                     wanted.password_hash = std::move(hashed.hash);
                                     return insert_user(context, over_tls, std::move(wanted));
                                   });
}

Step list_users(RestCall& call) {
  const std::string* online = call.request.query_value("online_only");
  chat::ListUsers list;
  list.online_only = online && (*online == "1" || *online == "true");
  list.limit = static_cast<unsigned>(query_number(call.request, "limit", max_page, 1, max_page));
  list.after = query_number(call.request, "after", 0, 0, chat::max_id);
  const bool all_emails = call.open_mode();
  return ask<chat::UsersListed>(
      chat::ReadRequest{list},
      [all_emails, self = call.user()](chat::UsersListed&& listed) -> Step {
        std::string body;
        JsonWriter json{body};
        json.begin_object();
        write_users(json, listed.users, all_emails, self);
        json.end_object();
        return json_response(200, std::move(body));
      });
}

Step list_online_users(RestCall& call) {
  const chat::ListUsers list{
      true, static_cast<unsigned>(query_number(call.request, "limit", max_page, 1, max_page)),
      query_number(call.request, "after", 0, 0, chat::max_id)};
  const bool all_emails = call.open_mode();
  const base::WallMs now = call.context.surroundings->wall_clock();
  return ask<chat::UsersListed>(
      chat::ReadRequest{list},
      [all_emails, now, self = call.user()](chat::UsersListed&& listed) -> Step {
        std::string body;
        JsonWriter json{body};
        json.begin_object().field("count", std::uint64_t{listed.users.size()});
        write_users(json, listed.users, all_emails, self);
        json.key("generated_at").time(now).end_object();
        return json_response(200, std::move(body));
      });
}

namespace {

Step show_user(const RestCall& call, chat::FindUser find) {
  const bool all_emails = call.open_mode();
  return ask<chat::UserFound>(chat::ReadRequest{std::move(find)},
                              [all_emails, self = call.user()](chat::UserFound&& found) -> Step {
                                return user_response(found.user,
                                                     all_emails || found.user.id == self);
                              });
}

}  // namespace

Step get_user(RestCall& call) {
  const chat::UserId id = id_of(call.parameters[0]);
  if (id == 0) return failure_response({FailureCode::not_found, "User not found"});
  return show_user(call, {id, {}});
}

Step get_user_by_name(RestCall& call) { return show_user(call, {0, call.parameters[0]}); }

Step set_user_status(RestCall& call) {
  const chat::UserId id = id_of(call.parameters[0]);
  if (id == 0) return failure_response({FailureCode::not_found, "User not found"});
  if (!call.open_mode() && id != call.user()) {
    return failure_response({FailureCode::forbidden, "Only your own status can be set"});
  }
  const auto body = json_body(call);
  if (!body) return body.error();
  const std::optional<proto::JsonValue> value = field(*body, "isOnline", "is_online");
  std::optional<bool> online = value ? value->boolean() : std::nullopt;
  if (!online && value) {  // the original's clients send 0 and 1
    if (const auto number = value->unsigned_integer(); number && *number <= 1) {
      online = *number == 1;
    }
  }
  if (!online) return bad_request("is_online field is required");
  RestContext* const context = &call.context;
  return ask<chat::UserFound>(
      chat::WriteRequest{chat::SetStatus{id, *online}}, [context](chat::UserFound&& found) -> Step {
        context->surroundings->publish(chat::StatusSignal{
            found.user.id, found.user.username, found.user.online, found.user.last_seen_at});
        std::string body_text;
        JsonWriter json{body_text};
        json.begin_object().field("message", "User status updated successfully").key("user");
        write_user(json, found.user, true);
        json.end_object();
        return json_response(200, std::move(body_text));
      });
}

// A name and a password, or nothing but a valid token, which is renewed.
Step create_session(RestCall& call) {
  RestContext* const context = &call.context;
  const bool over_tls = call.caller.over_tls;
  if (!can_mint(*context)) {
    return failure_response({FailureCode::forbidden, "This server does not issue tokens"});
  }
  if (call.request.body.empty() && call.identity) {
    return ask<chat::UserFound>(chat::ReadRequest{chat::FindUser{call.user(), {}}},
                                [context, over_tls](chat::UserFound&& found) -> Step {
                                  return session_response(*context, over_tls, found.user);
                                });
  }
  const chat::SketchKey address = context->quotas->key_of(call.caller.address);
  if (auto no = call.refused(chat::Limit::address_logins, address)) return std::move(*no);
  const auto body = json_body(call);
  if (!body) return body.error();
  std::string username = text_of(*body, "username");
  std::string password = text_of(*body, "password");
  if (username.empty() || password.empty()) {
    return bad_request("Username and password are required");
  }
  if (password.size() > chat::max_password_bytes) return wrong_credentials();
  // An unknown name takes as long as a known one: its password is compared with nothing.
  const chat::SketchKey unknown = context->quotas->key_of(username);
  return Ask{chat::ReadRequest{chat::FindCredentials{std::move(username)}},
             [context, over_tls, unknown,
              password = std::move(password)](chat::Reply&& reply) mutable -> Step {
               auto* found = std::get_if<chat::CredentialsFound>(&reply);
               if (const auto* failure = std::get_if<chat::Failure>(&reply);
                   failure && failure->code != FailureCode::not_found) {
                 return failure_response(*failure);
               }
               // By the account and not by the name, which has many spellings.
               const chat::SketchKey account =
                   found ? context->quotas->key_of(found->user.id) : unknown;
               const base::Duration wait = context->quotas->take(
                   chat::Limit::account_logins, account, context->surroundings->now());
               if (wait > base::Duration::zero()) {
                 return too_many(wait, "Too many logins to this account; try again later");
               }
               std::optional<chat::User> user;
               std::string hash;
               if (found) {
                 user = std::move(found->user);
                 hash = std::move(found->password_hash);
               }
               return ask<chat::PasswordVerified>(
                   chat::HashRequest{chat::VerifyPassword{std::move(password), std::move(hash)}},
                   verified_session(context, over_tls, std::move(user)));
             }};
}

Step delete_session(RestCall& call) {
  HttpResponse done;
  done.status = 204;
  done.headers.emplace_back("Set-Cookie", set_cookie({}, 0, call.caller.over_tls));
  if (!call.identity || call.identity->token_id.empty()) return done;
  RestContext* const context = &call.context;
  const chat::RevokeToken revoke{call.identity->token_id, call.user(),
                                 call.identity->expires + clock_error};
  return ask<chat::TokenRevoked>(
      chat::WriteRequest{revoke}, [context, revoke, done](chat::TokenRevoked&&) -> Step {
        context->surroundings->publish(chat::RevokedSignal{revoke.token_id, revoke.expires});
        return done;
      });
}

void write_user(JsonWriter& json, const chat::User& user, bool with_email) {
  json.begin_object().field("id", user.id).field("username", user.username);
  if (with_email) json.field("email", user.email);
  json.key("createdAt").time(user.created_at).key("lastSeenAt");
  if (user.last_seen_at == 0) {
    json.null();
  } else {
    json.time(user.last_seen_at);
  }
  json.field("isOnline", user.online).end_object();
}

}  // namespace starling::api
