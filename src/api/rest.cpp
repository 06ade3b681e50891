// The routes, and what every call goes through before its handler: who asks, from which page, with
// what kind of body.
#include "api/rest.hpp"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "api/route.hpp"
#include "proto/handshake.hpp"
#include "proto/tokens.hpp"

namespace starling::api {
namespace {

using proto::HttpRequest;
using proto::HttpResponse;
using proto::Method;

struct Route {
  Method method;
  std::string_view path;  // "{}" stands for one segment
  Step (*handler)(RestCall&);
  bool for_everybody = false;
};

constexpr Route routes[] = {
    {Method::post, "/api/users", create_user, true},
    {Method::get, "/api/users", list_users},
    {Method::get, "/api/users/online", list_online_users},
    {Method::get, "/api/users/username/{}", get_user_by_name},
    {Method::get, "/api/users/{}", get_user},
    {Method::patch, "/api/users/{}/status", set_user_status},
    {Method::post, "/api/sessions", create_session, true},
    {Method::del, "/api/sessions", delete_session},
    {Method::post, "/api/messages", post_message},
    {Method::get, "/api/messages/stats", count_all},
    {Method::get, "/api/messages/stats/room/{}", count_room},
    {Method::get, "/api/messages/room/{}", list_messages},
    {Method::get, "/api/messages/room/{}/recent", list_recent_messages},
    {Method::get, "/api/messages/{}", get_message},
    {Method::del, "/api/messages/{}", delete_message},
    {Method::get, "/api/rooms", list_rooms},
    {Method::get, "/api/rooms/{}", get_room},
    {Method::get, "/api/fleet", get_fleet},
};

std::string_view next_segment(std::string_view& path) {
  path.remove_prefix(1);  // the slash
  const std::size_t end = std::min(path.find('/'), path.size());
  const std::string_view segment = path.substr(0, end);
  path.remove_prefix(end);
  return segment;
}

bool matches(std::string_view pattern, std::string_view path,
             std::vector<std::string>& parameters) {
  parameters.clear();
  while (!pattern.empty() && !path.empty()) {
    const std::string_view wanted = next_segment(pattern);
    const std::string_view segment = next_segment(path);
    if (wanted == "{}" && !segment.empty()) {
      parameters.emplace_back(segment);
    } else if (wanted != segment) {
      return false;
    }
  }
  return pattern.empty() && path.empty();
}

// The route of a request, or which methods its path has.
struct Found {
  const Route* route = nullptr;
  std::vector<std::string> parameters;
  std::string allowed;
};

Found find_route(Method method, std::string_view path) {
  Found found;
  std::string_view first_pattern;  // a literal path stands before a pattern that also fits
  for (const Route& route : routes) {
    std::vector<std::string> parameters;
    if (!matches(route.path, path, parameters)) continue;
    if (!first_pattern.empty() && route.path != first_pattern) break;
    first_pattern = route.path;
    found.allowed += to_string(route.method);
    found.allowed += ", ";
    if (route.method == Method::get) found.allowed += "HEAD, ";
    const bool same =
        route.method == method || (method == Method::head && route.method == Method::get);
    if (!same) continue;
    found.route = &route;
    found.parameters = std::move(parameters);
  }
  if (!found.allowed.empty()) found.allowed += "OPTIONS";
  return found;
}

HttpResponse with_allow(HttpResponse response, std::string_view methods) {
  response.headers.emplace_back("Allow", methods);
  return response;
}

HttpResponse options_response(std::string_view methods) {
  HttpResponse response;
  response.status = 204;
  return with_allow(std::move(response), methods);
}

bool changes_something(Method method) {
  return method == Method::post || method == Method::put || method == Method::patch ||
         method == Method::del;
}

std::optional<Identity> identify(RestContext& context, const HttpRequest& request) {
  if (!context.keys) return std::nullopt;
  const Surroundings& surroundings = *context.surroundings;
  std::optional<Identity> identity =
      context.keys->verify(token_of(request), surroundings.wall_clock());
  if (identity && surroundings.token_revoked(*identity)) identity.reset();
  return identity;
}

bool origin_fits(const RestContext& context, const HttpRequest& request) {
  if (!token_is_cookie(request) && !changes_something(request.method)) return true;
  return origin_allowed(context.origins, request.header("origin"), request.header("host"));
}

bool body_is_json(const HttpRequest& request) {
  const std::string_view type = request.header("content-type");
  if (request.body.empty() || type.empty()) return true;
  return proto::equal_ignoring_case(proto::trim(type.substr(0, type.find(';'))),
                                    "application/json");
}

Step answer_api(RestContext& context, HttpRequest& request, const Caller& caller) {
  Found found = find_route(request.method, request.path);
  if (found.allowed.empty()) return proto::problem(404, "not_found", "No such resource");
  if (request.method == Method::options) return options_response(found.allowed);
  if (!found.route) {
    return with_allow(proto::problem(405, "bad_request", "Method not allowed here"), found.allowed);
  }
  if (!origin_fits(context, request)) {
    return proto::problem(403, "forbidden", "Origin not allowed");
  }
  RestCall call{context, request, identify(context, request), std::move(found.parameters), caller};
  const bool needs_token = !found.route->for_everybody && !call.open_mode();
  if (needs_token && !call.identity) {
    return failure_response({chat::FailureCode::unauthenticated, "A valid token is required"});
  }
  if (call.identity) {
    auto no = call.refused(chat::Limit::user_messages, context.quotas->key_of(call.user()));
    if (no) return std::move(*no);
  }
  if (!body_is_json(request)) {
    return proto::problem(415, "bad_request", "The body must be application/json");
  }
  return found.route->handler(call);
}

HttpResponse text_response(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "text/plain; charset=utf-8";
  response.body = std::move(body);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

// With ?verbose a line for each check.
HttpResponse answer_ready(const Readiness& now, const HttpRequest& request) {
  const int status = now.ready() ? 200 : 503;
  if (!request.query_value("verbose")) {
    return text_response(status, now.ready() ? "ready\n" : "not ready\n");
  }
  std::string details = now.archive ? "[+]archive ok\n" : "[-]archive: the last commit failed\n";
  details += now.stalled_threads == 0 ? "[+]threads ok\n"
                                      : "[-]threads: one stands still, the log names it\n";
  details += now.draining ? "[-]draining\n" : "[+]serving ok\n";
  return text_response(status, std::move(details));
}

// What is not under /api/: pages and health. Read only.
HttpResponse answer_plain(const RestContext& context, const HttpRequest& request) {
  constexpr std::string_view methods = "GET, HEAD, OPTIONS";
  const bool ready = request.path == "/readyz";
  const bool live = !ready && asks_health(request);
  const bool socket = request.path == "/ws";
  const Page* page = live || ready || socket ? nullptr : find_page(context.pages, request.path);
  if (!live && !ready && !socket && !page) return proto::problem(404, "not_found", "No such page");
  if (request.method == Method::options) return options_response(methods);
  if (request.method != Method::get && request.method != Method::head) {
    return with_allow(proto::problem(405, "bad_request", "Method not allowed here"), methods);
  }
  if (live) return text_response(200, "ok\n");
  if (ready) return answer_ready(context.surroundings->readiness(), request);
  if (socket) return proto::upgrade_required("Here is a WebSocket: ask for the upgrade");
  return answer_page(*page, request);
}

int status_of(chat::FailureCode code) {
  switch (code) {
    case chat::FailureCode::bad_json:
    case chat::FailureCode::unknown_type:
    case chat::FailureCode::bad_request:
      return 400;
    case chat::FailureCode::unauthenticated:
      return 401;
    case chat::FailureCode::forbidden:
    case chat::FailureCode::not_in_room:
      return 403;
    case chat::FailureCode::not_found:
      return 404;
    case chat::FailureCode::conflict:
      return 409;
    case chat::FailureCode::too_large:
      return 413;
    case chat::FailureCode::rate_limited:
      return 429;
    case chat::FailureCode::unavailable:
      return 503;
    case chat::FailureCode::internal:
      return 500;
  }
  return 500;
}

}  // namespace

std::vector<RouteEntry> rest_routes() {
  std::vector<RouteEntry> entries;
  for (const Route& route : routes) {
    entries.push_back({route.method, route.path, route.for_everybody});
  }
  return entries;
}

bool asks_health(const HttpRequest& request) {
  return request.path == "/livez" || request.path == "/healthz" || request.path == "/readyz";
}

Step answer(RestContext& context, HttpRequest& request, const Caller& caller) {
  if (request.path == "*") return options_response("GET, HEAD, POST, PATCH, DELETE, OPTIONS");
  if (request.path.starts_with("/api/")) return answer_api(context, request, caller);
  return answer_plain(context, request);
}

HttpResponse answer_admin(const HttpRequest& request, const AdminSources& sources) {
  if (request.method != Method::get && request.method != Method::head) {
    return with_allow(proto::problem(405, "bad_request", "Method not allowed here"), "GET, HEAD");
  }
  if (request.path == "/metrics") {
    HttpResponse response = text_response(200, sources.metrics_text());
    response.content_type = "text/plain; version=0.0.4; charset=utf-8";
    return response;
  }
  if (request.path == "/livez") return text_response(200, "ok\n");
  if (request.path == "/readyz") return answer_ready(sources.readiness(), request);
  return proto::problem(404, "not_found", "Here are /metrics, /livez and /readyz");
}

HttpResponse json_response(int status, std::string body) {
  HttpResponse response;
  response.status = status;
  response.content_type = "application/json";
  response.body = std::move(body);
  response.headers.emplace_back("Cache-Control", "no-store");
  return response;
}

HttpResponse failure_response(const chat::Failure& failure) {
  HttpResponse response =
      proto::problem(status_of(failure.code), chat::to_string(failure.code), failure.message);
  if (response.status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (response.status == 503 || response.status == 429)
    response.headers.emplace_back("Retry-After", "1");
  return response;
}

HttpResponse too_many(base::Duration wait, std::string_view detail) {
  HttpResponse response = proto::problem(429, "rate_limited", detail);
  const auto seconds =
      std::max(std::chrono::seconds{1}, std::chrono::ceil<std::chrono::seconds>(wait));
  response.headers.emplace_back("Retry-After", std::to_string(seconds.count()));
  return response;
}

std::optional<HttpResponse> RestCall::refused(chat::Limit limit, chat::SketchKey key) const {
  const base::Duration wait = context.quotas->take(limit, key, context.surroundings->now());
  if (wait == base::Duration::zero()) return std::nullopt;
  return too_many(wait, "Too many requests of this kind; try again later");
}

HttpResponse bad_request(std::string_view detail) {
  return proto::problem(400, "bad_request", detail);
}

tl::expected<proto::JsonValue, HttpResponse> json_body(RestCall& call) {
  const std::optional<proto::JsonValue> body = call.context.json->parse(call.request.body);
  if (!body || !body->is_object()) {
    return tl::make_unexpected(proto::problem(400, "bad_json", "The body is no JSON object"));
  }
  return *body;
}

std::uint64_t query_number(const HttpRequest& request, std::string_view name,
                           std::uint64_t fallback, std::uint64_t low, std::uint64_t high) {
  const std::string* text = request.query_value(name);
  if (!text) return fallback;
  std::uint64_t number = 0;
  const char* const end = text->data() + text->size();
  const auto parsed = std::from_chars(text->data(), end, number);
  if (text->empty() || parsed.ptr != end) return fallback;
  if (parsed.ec == std::errc::result_out_of_range) return high;
  return parsed.ec == std::errc{} ? std::clamp(number, low, high) : fallback;
}

std::uint64_t id_of(const std::string& text) {
  std::uint64_t id = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, id);
  return parsed.ec == std::errc{} && parsed.ptr == end && id <= chat::max_id ? id : 0;
}

}  // namespace starling::api
