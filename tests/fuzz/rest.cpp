// A request on its way through routes, queries and bodies, in both modes, to its first step and
// through a failure to its end.
#include "api/rest.hpp"
#include "api/origin.hpp"
#include "input.hpp"

namespace starling::fuzz {
namespace {

class Surroundings final : public api::Surroundings {
 public:
  base::WallMs wall_clock() const override { return 1'795'000'000'000; }
  base::Instant now() const override { return {}; }
  bool token_revoked(const api::Identity&) const override { return false; }
  std::uint64_t online_count(std::string_view) const override { return 1; }
  void publish(const chat::Signal&) override {}
  std::vector<api::FleetEntry> fleet() const override { return {}; }
  api::Readiness readiness() const override { return {}; }
};

}  // namespace
}  // namespace starling::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  static fuzz::Surroundings surroundings;
  static proto::JsonReader json{64 * 1024};
  static const api::TokenKeys keys =
      std::move(*api::TokenKeys::from_secret("a secret for fuzzing"));
  fuzz::Input input{data, size};
  Config config;
  config.auth.mode = input.byte() % 2 == 0 ? AuthMode::open : AuthMode::token;

  api::RestContext context;
  context.config = &config;
  context.keys = &keys;
  static const Config unlimited = [] {
    Config none;
    none.auth.registrations_per_hour = 0;
    none.auth.logins_per_minute = none.auth.account_logins_per_minute = 0;
    none.limits.user_messages_per_second = none.limits.room_messages_per_second = 0;
    none.limits.address_requests_per_second = none.limits.rooms_created_per_hour = 0;
    return none;
  }();
  static chat::Quotas quotas{unlimited, 1};
  context.quotas = &quotas;
  context.surroundings = &surroundings;
  context.json = &json;
  // Line by line: method and target, headers, an empty line, the body; lengths are put right.
  const std::string_view text = input.rest();
  const std::size_t end = std::min(text.find("\n\n"), text.size());
  std::string head;
  for (const char c : text.substr(0, end)) head += c == '\n' ? std::string{"\r\n"} : std::string{c};
  const std::string_view body = text.substr(std::min(end + 2, text.size()));
  std::string stream = head.substr(0, head.find("\r\n")) + " HTTP/1.1\r\nHost: x\r\n";
  if (const std::size_t more = head.find("\r\n"); more != std::string::npos) {
    stream += head.substr(more + 2) + "\r\n";
  }
  stream += "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n";
  stream += body;

  proto::HttpReader reader{64 * 1024};
  reader.feed(fuzz::as_bytes(stream));
  if (reader.state() != proto::HttpReader::State::complete) return 0;
  api::Step step = api::answer(context, reader.request(), {1, false});
  for (unsigned steps = 0; std::holds_alternative<api::Ask>(step); ++steps) {
    fuzz::require(steps < 10, "a call comes to its end");
    step = std::get<api::Ask>(step).then(
        chat::Failure{chat::FailureCode::not_found, "There is nothing"});
  }
  const auto& response = std::get<proto::HttpResponse>(step);
  fuzz::require(response.status >= 200 && response.status < 600, "every call has its answer");
  for (const auto& [name, value] : response.headers) {
    fuzz::require(value.find_first_of("\r\n") == std::string::npos, "no header splits the answer");
  }
  static_cast<void>(api::origin_allowed(context.origins, reader.request().header("origin"), "x"));
  return 0;
}
