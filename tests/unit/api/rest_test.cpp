// What every call goes through: routes and methods, who asks, from which page, with what body.
#include "harness.hpp"

namespace starling::api {
namespace {

using chat::FailureCode;

constexpr std::string_view get_routes[] = {
    "/api/users",
    "/api/users/online",
    "/api/users/username/ann",
    "/api/users/7",
    "/api/messages/stats",
    "/api/messages/stats/room/r",
    "/api/messages/room/r",
    "/api/messages/room/r/recent",
    "/api/messages/7",
    "/api/rooms",
    "/api/rooms/r",
    "/api/fleet",
};

TEST_F(RestTest, every_path_has_its_methods_for_options_and_405) {
  const std::pair<std::string_view, std::string_view> table[] = {
      {"/api/users", "POST, GET, HEAD, OPTIONS"},
      {"/api/users/online", "GET, HEAD, OPTIONS"},
      {"/api/users/username/ann", "GET, HEAD, OPTIONS"},
      {"/api/users/7", "GET, HEAD, OPTIONS"},
      {"/api/users/7/status", "PATCH, OPTIONS"},
      {"/api/sessions", "POST, DELETE, OPTIONS"},
      {"/api/messages", "POST, OPTIONS"},
      {"/api/messages/stats", "GET, HEAD, OPTIONS"},
      {"/api/messages/stats/room/r", "GET, HEAD, OPTIONS"},
      {"/api/messages/room/r", "GET, HEAD, OPTIONS"},
      {"/api/messages/room/r/recent", "GET, HEAD, OPTIONS"},
      {"/api/messages/7", "GET, HEAD, DELETE, OPTIONS"},
      {"/api/rooms", "GET, HEAD, OPTIONS"},
      {"/api/rooms/r", "GET, HEAD, OPTIONS"},
      {"/api/fleet", "GET, HEAD, OPTIONS"},
      {"/", "GET, HEAD, OPTIONS"},
      {"/room/r", "GET, HEAD, OPTIONS"},
      {"/livez", "GET, HEAD, OPTIONS"},
      {"/healthz", "GET, HEAD, OPTIONS"},
      {"/readyz", "GET, HEAD, OPTIONS"},
  };
  for (const std::string& who : {token, std::string{}}) {
    token = who;  // these need no token
    for (const auto& [path, methods] : table) {
      call("OPTIONS", path);
      EXPECT_EQ(status(), 204) << path;
      EXPECT_EQ(header("Allow"), methods) << path;
      for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"}) {
        if (methods.find(method) != std::string_view::npos) continue;
        call(method, path);
        expect_problem(405, "bad_request", "Method not allowed here");
        EXPECT_EQ(header("Allow"), methods) << method << " " << path;
      }
    }
  }
  call("OPTIONS", "*");
  EXPECT_EQ(status(), 204);
}

TEST_F(RestTest, what_is_not_there_is_404_whatever_the_method) {
  for (const std::string_view path :
       {"/api/", "/api/none", "/api/users/", "/api/users/7/none", "/api/users/7/status/x",
        "/api/messages/room/", "/api/messages/room/r/recent/", "/api//users",
        "/api/users/username/"})
    for (const std::string_view method : {"GET", "POST", "OPTIONS", "DELETE"}) {
      call(method, path);
      expect_problem(404, "not_found", "No such resource");
    }
  for (const std::string_view path : {"/none", "/api", "/room/", "/room/a/b", "/Index.html"}) {
    call("GET", path);
    expect_problem(404, "not_found", "No such page");
  }
}

TEST_F(RestTest, head_asks_what_get_asks) {
  for (const std::string_view path : get_routes) {
    call("GET", path);
    const bool at_once = answered();
    call("HEAD", path);
    EXPECT_EQ(answered(), at_once) << path;
    EXPECT_TRUE(!answered() || status() == 200) << path;
  }
}

TEST_F(RestTest, in_token_mode_every_call_but_two_needs_a_token) {
  const std::pair<std::string_view, std::string_view> closed[] = {
      {"PATCH", "/api/users/7/status"},
      {"DELETE", "/api/sessions"},
      {"POST", "/api/messages"},
      {"DELETE", "/api/messages/7"},
  };
  const auto refused = [this](std::string_view method, std::string_view path) {
    call(method, path, method == "POST" || method == "PATCH" ? "{}" : "");
    expect_problem(401, "unauthenticated", "A valid token is required");
    EXPECT_EQ(header("WWW-Authenticate"), "Bearer");
  };
  surroundings.revoked = keys.verify(token, test_now)->token_id;
  const std::string wrong[] = {"", "nonsense", keys.mint(7, "ann", test_now - 10'000, 1'000),
                               token};
  for (const std::string& one : wrong) {
    token = one;
    for (const std::string_view path : get_routes) refused("GET", path);
    for (const auto& [method, path] : closed) refused(method, path);
    call("POST", "/api/users", "{}");
    EXPECT_EQ(status(), 400);
    call("POST", "/api/sessions", "{}");
    EXPECT_EQ(status(), 400);
  }
}

TEST_F(RestTest, in_open_mode_no_call_needs_one) {
  config.auth.mode = AuthMode::open;
  context.keys = nullptr;
  token.clear();
  for (const std::string_view path : get_routes) {
    call("GET", path);
    EXPECT_TRUE(!answered() || status() == 200) << path;
  }
}

TEST_F(RestTest, a_token_comes_in_a_header_or_a_cookie) {
  const std::string good = std::exchange(token, {});
  const std::pair<std::string, bool> table[] = {
      {"Authorization: Bearer " + good, true},
      {"Authorization: bearer   " + good, true},
      {"Cookie: starling=" + good, true},
      {"Cookie: a=b; starling=" + good + "; c=d", true},
      {"Cookie: a=b\r\nCookie: starling=" + good, true},
      {"Authorization: Bearer nonsense\r\nCookie: starling=" + good, false},
      {"Authorization: Basic " + good, false},
      {"Authorization: " + good, false},
      {"Cookie: starlings=" + good, false},
      {"Cookie: xstarling=" + good, false},
      {"Cookie: starling=", false},
  };
  for (const auto& [line, accepted] : table) {
    call("GET", "/api/rooms", {}, line + "\r\n");
    EXPECT_EQ(!answered(), accepted) << line;
  }
}

TEST_F(RestTest, other_origins_may_neither_use_the_cookie_nor_change_anything) {
  const std::string cookie = "Cookie: starling=" + token + "\r\n";
  const std::string foreign = "Origin: https://evil.example\r\n";
  const std::string own = "Origin: https://chat.example:8080\r\n";
  call("GET", "/api/rooms", {}, foreign);  // by its own header: no browser sends that unasked
  EXPECT_FALSE(answered());
  token.clear();
  call("GET", "/api/rooms", {}, cookie + foreign);
  expect_problem(403, "forbidden", "Origin not allowed");
  for (const auto& [method, path] : {std::pair{"POST", "/api/users"},
                                     {"POST", "/api/sessions"},
                                     {"DELETE", "/api/sessions"},
                                     {"DELETE", "/api/messages/1"},
                                     {"PATCH", "/api/users/7/status"},
                                     {"POST", "/api/messages"}}) {
    call(method, path, "{}", foreign);
    expect_problem(403, "forbidden", "Origin not allowed");
    call(method, path, "{}", cookie + own);
    EXPECT_TRUE(!answered() || status() != 403) << method << path;
  }
  context.origins.allowed = {"https://evil.example"};
  call("GET", "/api/rooms", {}, cookie + foreign);
  EXPECT_FALSE(answered());
}

TEST_F(RestTest, a_body_is_json_by_its_type_and_by_its_form) {
  for (const std::string_view type :
       {"text/plain", "application/x-www-form-urlencoded", "application/jsonx"}) {
    call("POST", "/api/messages", "{}", "Content-Type: " + std::string{type} + "\r\n");
    expect_problem(415, "bad_request", "The body must be application/json");
  }
  for (const std::string_view type :
       {"application/json", "Application/JSON; charset=utf-8", "application/json;x=y"}) {
    call("POST", "/api/messages", "{}", "Content-Type: " + std::string{type} + "\r\n");
    EXPECT_EQ(status(), 400);
  }
  for (const auto& [method, path] : {std::pair{"POST", "/api/users"},
                                     {"POST", "/api/sessions"},
                                     {"POST", "/api/messages"},
                                     {"PATCH", "/api/users/7/status"}}) {
    for (const std::string_view body : {"", "{", "[]", "7", "{} x", "{\"a\":\"\xff\"}", "null"}) {
      if (body.empty() && std::string_view{path} == "/api/sessions") continue;  // renews
      call(method, path, body);
      expect_problem(400, "bad_json", "The body is no JSON object");
    }
  }
}

TEST_F(RestTest, numbers_of_a_query_are_clamped) {
  const auto limit_of = [this](std::string_view text) {
    call("GET", "/api/messages/room/r?limit=" + std::string{text});
    return asked<chat::ReadPage>().limit;
  };
  EXPECT_EQ(limit_of("1"), 1u);
  EXPECT_EQ(limit_of("100"), 100u);
  EXPECT_EQ(limit_of("101"), 100u);
  EXPECT_EQ(limit_of("0"), 1u);
  EXPECT_EQ(limit_of("18446744073709551616"), 100u) << "beyond 64 bits";
  for (const std::string_view no_number : {"", "-1", "x", "1.5", "0x10", "1%20"}) {
    EXPECT_EQ(limit_of(no_number), 20u) << no_number;
  }
}

TEST_F(RestTest, health_says_alive_and_ready) {
  for (const std::string_view path : {"/livez", "/healthz"}) {
    call("GET", path);
    EXPECT_EQ(std::pair(status(), body()), (std::pair{200, std::string{"ok\n"}}));
  }
  call("GET", "/readyz");
  EXPECT_EQ(std::pair(status(), body()), (std::pair{200, std::string{"ready\n"}}));
  call("GET", "/readyz?verbose");
  EXPECT_EQ(std::pair(status(), body()),
            (std::pair{200, std::string{"[+]archive ok\n[+]threads ok\n[+]serving ok\n"}}));
  for (const auto& [what, said] : {std::pair{Readiness{.archive = false}, "[-]archive"},
                                   {Readiness{.stalled_threads = 1}, "[-]threads"},
                                   {Readiness{.draining = true}, "[-]draining"}}) {
    surroundings.ready = what;
    call("GET", "/readyz");
    EXPECT_EQ(std::pair(status(), body()), (std::pair{503, std::string{"not ready\n"}}));
    call("GET", "/readyz?verbose");
    EXPECT_EQ(status(), 503);
    EXPECT_NE(body().find(said), std::string::npos) << body();
  }
  call("GET", "/livez");
  EXPECT_EQ(status(), 200) << "alive asks nobody";
}

TEST_F(RestTest, the_admin_listener_shows_its_few_pages) {
  const auto ask_admin = [this](proto::Method method, std::string path) {
    proto::HttpRequest request;
    request.method = method;
    request.path = std::move(path);
    step = answer_admin(request, {.metrics_text = [] { return std::string{"numbers"}; },
                                  .readiness = [] { return Readiness{}; }});
  };
  ask_admin(proto::Method::get, "/metrics");
  EXPECT_EQ(std::pair(status(), body()), (std::pair{200, std::string{"numbers"}}));
  ask_admin(proto::Method::head, "/readyz");
  EXPECT_EQ(status(), 200);
  ask_admin(proto::Method::get, "/livez");
  EXPECT_EQ(status(), 200);
  ask_admin(proto::Method::get, "/api/users");
  EXPECT_EQ(status(), 404);
  ask_admin(proto::Method::post, "/metrics");
  EXPECT_EQ(status(), 405);
  EXPECT_EQ(header("Allow"), "GET, HEAD");
}

}  // namespace
}  // namespace starling::api
