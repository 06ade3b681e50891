// REST calls as steps: a request as text in, what it asks and what it answers out. The test is the
// archive.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "api/identity.hpp"
#include "api/rest.hpp"

namespace starling::api {

inline constexpr base::WallMs test_now = 1'795'000'000'000;  // 2026-11-18T11:06:40.000Z
// What the browser client is here: two files that are there compressed, and one that is not.
inline constexpr Page test_pages[] = {
    {"/", "text/html; charset=utf-8", false, {"the page", "\"1\""}, {"g", "\"2\""}, {"b", "\"3\""}},
    {"/assets/app-1.js",
     "text/javascript; charset=utf-8",
     true,
     {"app", "\"4\""},
     {"h", "\"5\""},
     {}},
    {"/favicon.svg", "image/svg+xml", false, {"<svg/>", "\"6\""}, {}, {}},
};
inline constexpr std::string_view test_now_text = "2026-11-18T11:06:40.000Z";

class TestSurroundings final : public Surroundings {
 public:
  base::WallMs wall_clock() const override { return now_ms; }
  base::Instant now() const override { return instant; }
  bool token_revoked(const Identity& token) const override {
    return !revoked.empty() && token.token_id == revoked;
  }
  std::uint64_t online_count(std::string_view room) const override { return room.size(); }
  void publish(const chat::Signal& signal) override { published.push_back(signal); }
  std::vector<FleetEntry> fleet() const override {
    return {{"server-1", "127.0.0.1:8080", "1.0", test_now, 3, 2, true, "ok", true},
            {"server-2", "127.0.0.1:8081", "0.9", test_now, 5, 1, false, "away", false}};
  }
  Readiness readiness() const override { return ready; }

  base::WallMs now_ms = test_now;
  base::Instant instant{std::chrono::seconds{1'000}};
  Readiness ready;
  std::string revoked;
  std::vector<chat::Signal> published;
};

class RestTest : public testing::Test {
 protected:
  RestTest() : keys(std::move(*TokenKeys::from_secret("a secret for the tests"))) {
    context.config = &config;
    context.keys = &keys;
    limit();
    context.surroundings = &surroundings;
    context.json = &json;
    context.pages = test_pages;
    token = keys.mint(7, "ann", test_now, 3'600'000);
  }

  // Takes what `config` says of limits; what was used of them is forgotten.
  void limit() {
    quotas = std::make_unique<chat::Quotas>(config, 1);
    context.quotas = quotas.get();
  }

  // Begins a call; `headers` are whole lines.
  void call(std::string_view method, std::string_view target, std::string_view body = {},
            std::string_view headers = {}) {
    std::string text{method};
    text.append(" ").append(target).append(" HTTP/1.1\r\nHost: chat.example:8080\r\n");
    if (!token.empty()) text.append("Authorization: Bearer ").append(token).append("\r\n");
    text.append(headers);
    text.append("Content-Length: ").append(std::to_string(body.size())).append("\r\n\r\n");
    text.append(body);
    proto::HttpReader reader{1 << 20};
    reader.feed(std::as_bytes(std::span{text}));
    ASSERT_EQ(reader.state(), proto::HttpReader::State::complete) << text;
    step = answer(context, reader.request(), caller);
  }  // what the call keeps may not point into the request

  // What the call asks now.
  template <typename Wanted>
  const Wanted& asked() {
    static const Wanted nothing{};
    auto* const question = std::get_if<Ask>(&step);
    if (!question) {
      ADD_FAILURE() << "it has answered " << status() << body();
      return nothing;
    }
    const Wanted* const found = std::visit(
        [](const auto& group) -> const Wanted* { return find<Wanted>(group); }, question->request);
    if (!found) ADD_FAILURE() << "it asks something else";
    return found ? *found : nothing;
  }
  void reply(chat::Reply answer) {
    auto* const question = std::get_if<Ask>(&step);
    ASSERT_NE(question, nullptr) << "it asks nothing";
    auto then = std::move(question->then);
    step = then(std::move(answer));
  }
  void fail(chat::FailureCode code, std::string message = "the cause") {
    reply(chat::Failure{code, std::move(message)});
  }

  bool answered() const { return std::holds_alternative<proto::HttpResponse>(step); }
  const proto::HttpResponse& response() const {
    static const proto::HttpResponse nothing;
    const auto* const found = std::get_if<proto::HttpResponse>(&step);
    if (!found) ADD_FAILURE() << "it asks something and has not answered";
    return found ? *found : nothing;
  }
  int status() const { return response().status; }
  const std::string& body() const { return response().body; }
  std::string header(std::string_view name) const {
    for (const auto& [key, value] : response().headers) {
      if (key == name) return value;
    }
    return {};
  }
  // A member of the answer's body as text; strings without quotes.
  std::string field(std::string_view name) {
    const auto document = json.parse(body());
    const auto value = document ? document->member(name) : std::nullopt;
    if (!value) return "(absent)";
    const auto text = value->string();
    return text ? std::string{*text} : value->text();
  }

  // The answer is a problem body (RFC 9457) with the original's `error`.
  void expect_problem(int wanted, std::string_view code, std::string_view error) {
    EXPECT_EQ(status(), wanted) << body();
    EXPECT_EQ(response().content_type, "application/problem+json");
    EXPECT_EQ(field("type"), "about:blank");
    EXPECT_EQ(field("title"), proto::reason_phrase(wanted));
    EXPECT_EQ(field("status"), std::to_string(wanted));
    EXPECT_EQ(field("code"), code);
    EXPECT_EQ(field("detail"), error);
    EXPECT_EQ(field("error"), error);
  }
  // Whatever the archive refuses becomes the status that belongs to it.
  void expect_failures_become_statuses(std::string_view method, std::string_view target,
                                       std::string_view body_text = {}) {
    using chat::FailureCode;
    const std::pair<FailureCode, int> table[] = {
        {FailureCode::bad_request, 400}, {FailureCode::unauthenticated, 401},
        {FailureCode::forbidden, 403},   {FailureCode::not_in_room, 403},
        {FailureCode::not_found, 404},   {FailureCode::conflict, 409},
        {FailureCode::too_large, 413},   {FailureCode::rate_limited, 429},
        {FailureCode::internal, 500},    {FailureCode::unavailable, 503},
    };
    for (const auto& [code, wanted] : table) {
      call(method, target, body_text);
      fail(code);
      expect_problem(wanted, chat::to_string(code), "the cause");
      EXPECT_EQ(header("WWW-Authenticate"), wanted == 401 ? "Bearer" : "");
      EXPECT_EQ(header("Retry-After"), wanted == 503 || wanted == 429 ? "1" : "");
    }
  }

  static chat::User user(chat::UserId id, std::string name) {
    return {id, std::move(name), "mail@example.org", test_now - 1'000, 0, true};
  }
  static chat::Event message(chat::MessageId id) {
    chat::Event event;
    event.id = id;
    event.seq = 5;
    event.room = "r";
    event.sender = 7;
    event.sender_name = "ann";
    event.content = "he said \"\xc3\xa9\"\n";
    event.timestamp = test_now;
    return event;
  }

  Config config;
  TestSurroundings surroundings;
  proto::JsonReader json{1 << 20};
  TokenKeys keys;
  std::unique_ptr<chat::Quotas> quotas;
  RestContext context;
  Caller caller{1, false};
  std::string token;  // of the calls; empty: none
  Step step = proto::HttpResponse{};

 private:
  template <typename Wanted, typename... All>
  static const Wanted* find(const std::variant<All...>& group) {
    if constexpr ((std::is_same_v<Wanted, All> || ...)) {
      return std::get_if<Wanted>(&group);
    } else {
      return nullptr;
    }
  }
};

}  // namespace starling::api
