// REST: translates HTTP requests into what the archive is asked, and its answers into responses.
//
// A call is a chain of steps. A step is either the response, or a question to other threads with
// what to do with the answer; whoever runs the call (a shard) asks and comes back. Pure: no clock,
// no socket, no thread; what a call needs to know is passed in.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "api/fleet.hpp"
#include "api/forwarded.hpp"
#include "api/identity.hpp"
#include "api/origin.hpp"
#include "api/pages.hpp"
#include "base/time.hpp"
#include "chat/archive.hpp"
#include "chat/quotas.hpp"
#include "chat/signal.hpp"
#include "proto/http.hpp"
#include "proto/json_reader.hpp"
#include "starling/config.hpp"

namespace starling::api {

struct Ask;
using Step = std::variant<proto::HttpResponse, Ask>;
struct Ask {
  chat::Request request;
  std::function<Step(chat::Reply&&)> then;
};

// Whether a server can do its work, and what stands in its way.
struct Readiness {
  bool archive = true;              // the last commit went well
  std::size_t stalled_threads = 0;  // that stand still
  bool draining = false;

  bool ready() const { return archive && stalled_threads == 0 && !draining; }
};

// What only a shard knows; called on its thread from within a step.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual base::WallMs wall_clock() const = 0;
  virtual base::Instant now() const = 0;
  virtual bool token_revoked(const Identity& token) const = 0;
  virtual std::uint64_t online_count(std::string_view room) const = 0;  // people in a room now
  virtual void publish(const chat::Signal& signal) = 0;
  virtual std::vector<FleetEntry> fleet() const = 0;  // this server first
  virtual Readiness readiness() const = 0;
};

// Of one shard; everything behind the references outlives it.
struct RestContext {
  const Config* config = nullptr;
  const TokenKeys* keys = nullptr;
  chat::Quotas* quotas = nullptr;
  OriginRule origins;
  Surroundings* surroundings = nullptr;
  proto::JsonReader* json = nullptr;
  std::span<const Page> pages;  // of the browser client
};

// Any request that is no WebSocket upgrade: pages, health, /api/..., and 404 or 405 (with Allow)
// for the rest. OPTIONS and HEAD are answered for every route.
Step answer(RestContext& context, proto::HttpRequest& request, const Caller& caller);

// What api/openapi.json has to describe.
struct RouteEntry {
  proto::Method method;
  std::string_view path;  // "{}" stands for one segment
  bool for_everybody;     // no token is needed
};
std::vector<RouteEntry> rest_routes();

// Whether it asks for what has to be answered however many ask: health.
bool asks_health(const proto::HttpRequest& request);
// 429: may be asked again after `wait`.
proto::HttpResponse too_many(base::Duration wait, std::string_view detail);

// What the admin listener tells; asked on the thread that answers.
struct AdminSources {
  std::function<std::string()> metrics_text;
  std::function<Readiness()> readiness;
};
// The admin listener: /metrics, /livez, /readyz; 404 for the rest.
proto::HttpResponse answer_admin(const proto::HttpRequest& request, const AdminSources& sources);

}  // namespace starling::api
