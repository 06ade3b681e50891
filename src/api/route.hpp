// What the handlers of REST calls share. A handler is a function from a call to its first step; one
// file per resource: users.cpp (and sessions), messages.cpp, rooms.cpp.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/fields.hpp"
#include "api/rest.hpp"
#include "proto/json_writer.hpp"

namespace starling::api {

// One request on its way through a handler. Valid during the first step only: what later steps need
// they keep by value (the context outlives them all).
struct RestCall {
  RestContext& context;
  const proto::HttpRequest& request;
  std::optional<Identity> identity;     // who asks, as far as a valid token says
  std::vector<std::string> parameters;  // what stood in the braces of the route's path
  Caller caller;

  bool open_mode() const { return context.config->auth.mode == AuthMode::open; }
  chat::UserId user() const { return identity ? identity->user : 0; }
  // Whether the address or user may do this once more; the response that says no.
  std::optional<proto::HttpResponse> refused(chat::Limit limit, chat::SketchKey key) const;
};

// ---- handlers
Step create_user(RestCall& call);
Step list_users(RestCall& call);
Step list_online_users(RestCall& call);
Step get_user(RestCall& call);
Step get_user_by_name(RestCall& call);
Step set_user_status(RestCall& call);
Step create_session(RestCall& call);
Step delete_session(RestCall& call);
Step post_message(RestCall& call);
Step get_message(RestCall& call);
Step delete_message(RestCall& call);
Step list_messages(RestCall& call);
Step list_recent_messages(RestCall& call);
Step count_room(RestCall& call);
Step count_all(RestCall& call);
Step list_rooms(RestCall& call);
Step get_room(RestCall& call);
Step get_fleet(RestCall& call);

// ---- answers
proto::HttpResponse json_response(int status, std::string body);
proto::HttpResponse failure_response(const chat::Failure& failure);
proto::HttpResponse bad_request(std::string_view detail);

// The body as a JSON object; or the response that says what is wrong with it.
tl::expected<proto::JsonValue, proto::HttpResponse> json_body(RestCall& call);

// A query parameter as a number from `low` to `high` (clamped, however large it is); `fallback`
// where it is absent or no number.
std::uint64_t query_number(const proto::HttpRequest& request, std::string_view name,
                           std::uint64_t fallback, std::uint64_t low, std::uint64_t high);

// A path's parameter as an id; 0 where it is none.
std::uint64_t id_of(const std::string& text);

// Asks, and goes on with `then` where the answer is of the wanted kind; a failure becomes the
// response.
template <typename Wanted, typename Then>
Step ask(chat::Request request, Then then) {
  return Ask{std::move(request), [then = std::move(then)](chat::Reply&& reply) mutable -> Step {
               if (auto* wanted = std::get_if<Wanted>(&reply)) return then(std::move(*wanted));
               return failure_response(std::get<chat::Failure>(reply));
             }};
}

// ---- objects as REST shows them
void write_user(proto::JsonWriter& json, const chat::User& user, bool with_email);
void write_message(proto::JsonWriter& json, const chat::Event& event);

}  // namespace starling::api
