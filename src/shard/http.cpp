// Requests, upgrades, and the steps of REST calls.
#include <chrono>
#include <functional>
#include <utility>

#include "api/identity.hpp"
#include "api/origin.hpp"
#include "base/check.hpp"
#include "proto/handshake.hpp"
#include "shard/core.hpp"
#include "starling/version.hpp"

namespace starling::shard {
namespace {

constexpr std::string_view v1_subprotocol = "starling.v1";
constexpr base::Duration too_many_connections_wait = std::chrono::seconds{5};

proto::HttpResponse unavailable(std::string_view detail) {
  proto::HttpResponse response = proto::problem(503, "unavailable", detail);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

}  // namespace

// What a trusted proxy says at the beginning of a connection. The proxy that it names may be
// trusted, too: then each request says whose it is.
void Core::on_proxy_header(net::Connection& connection, const proto::ProxyHeader& header) {
  Client* client = clients_.find(connection.handle());
  CHECK(client != nullptr);
  client->over_tls = header.tls;
  if (!header.source) return;
  client->address = quotas_.address_key(header.source->subscriber());
  client->by_proxy = base::any_contains(trusted_proxies_, *header.source);
  if (!client->by_proxy && !count_connection(*client, client->address)) {
    connection.abort(net::Ending::refused);
  }
}

api::Caller Core::caller_of(const Client& client, const proto::HttpRequest& request) const {
  api::Caller caller{client.address, client.over_tls};
  if (!client.by_proxy) return caller;
  caller.over_tls |= api::forwarded_https(request);
  if (const auto address = api::forwarded_for(request, trusted_proxies_)) {
    caller.address = quotas_.address_key(address->subscriber());
  }
  return caller;
}

// The connection is that address's from now on. False: it has too many.
bool Core::count_connection(Client& client, chat::AddressKey address) {
  if (!quotas_.enter(chat::Limit::address_connections, quotas_.key_of(address))) return false;
  client.address = address;
  client.counted = true;
  return true;
}

void Core::on_request(net::Connection& connection, proto::HttpRequest& request) {
  Client* client = clients_.find(connection.handle());
  CHECK(client != nullptr);
  count_request(connection);
  const api::Caller caller = caller_of(*client, request);
  if (too_many_requests(*client, request, caller)) return;
  run_step(*client, caller, api::answer(rest_, request, caller));
}

// Answers with 429 where it is so. Health is told to everybody: the answer costs what a refusal
// does, and who watches this server may sit behind an address with those who flood it.
bool Core::too_many_requests(Client& client, const proto::HttpRequest& request,
                             const api::Caller& caller) {
  if (api::asks_health(request)) return false;
  const base::Duration wait =
      quotas_.take(chat::Limit::address_requests, quotas_.key_of(caller.address), context_.now);
  if (wait == base::Duration::zero()) return false;
  client.connection.respond(api::too_many(wait, "Too many requests from this address"));
  return true;
}

// A call asks as often as it must; each answer brings the next step, until one is the response.
void Core::run_step(Client& client, const api::Caller& caller, api::Step&& step) {
  client.request_open = false;
  while (auto* question = std::get_if<api::Ask>(&step)) {
    Call call;
    call.kind = Call::Kind::rest;
    call.client = client.connection.handle();
    call.caller = caller;
    call.then = std::move(question->then);
    if (const auto refused = ask_step(std::move(question->request), call)) {
      step = call.then(chat::Failure{*refused, "The server is busy"});
    } else {
      client.request_open = true;
      return;
    }
  }
  auto& response = std::get<proto::HttpResponse>(step);
  if (draining_) response.close = true;
  client.connection.respond(response);
}

// Nothing: it was asked. Otherwise why not. A password takes its place in the hasher's queue in the
// name of its address, so that one address cannot fill the queue.
std::optional<chat::FailureCode> Core::ask_step(chat::Request&& request, Call& call) {
  if (refused_for_memory(request)) return chat::FailureCode::unavailable;
  const bool password = std::holds_alternative<chat::HashRequest>(request);
  const chat::SketchKey address = quotas_.key_of(call.caller.address);
  if (password) {
    if (!quotas_.enter(chat::Limit::address_passwords, address)) {
      return chat::FailureCode::rate_limited;
    }
    call.hashing_for = call.caller.address;
  }
  if (ask(std::move(request), call)) return std::nullopt;
  if (password) quotas_.leave(chat::Limit::address_passwords, address);
  return chat::FailureCode::unavailable;
}

void Core::on_upgrade(net::Connection& connection, proto::HttpRequest& request) {
  Client* client = clients_.find(connection.handle());
  CHECK(client != nullptr);
  count_request(connection);
  const bool echo = config_.test.echo && request.path == "/echo";
  if (request.path != "/" && request.path != "/ws" && !echo) {
    connection.respond(proto::problem(404, "not_found", "No WebSocket endpoint here"));
    return;
  }
  const api::Caller caller = caller_of(*client, request);
  if (too_many_requests(*client, request, caller)) return;
  if (draining_) {
    proto::HttpResponse response = unavailable("This server is about to stop");
    response.close = true;
    connection.respond(response);
    return;
  }
  if (!echo &&
      !api::origin_allowed(rest_.origins, request.header("origin"), request.header("host"))) {
    connection.respond(proto::problem(403, "forbidden", "Origin not allowed"));
    return;
  }
  const proto::Handshake handshake = proto::answer_upgrade(request, {v1_subprotocol, echo});
  if (!handshake.accepted) {
    connection.respond(handshake.response);
    return;
  }
  if (client->by_proxy && !count_connection(*client, caller.address)) {
    connection.respond(api::too_many(too_many_connections_wait, "Too many connections"));
    return;
  }
  open_session(*client, request, echo, handshake);
  const proto::MessageLimits& echo_limits =
      handshake.deflate_window_bits != 0 ? deflated_echo_limits_ : echo_limits_;
  std::string greeting;
  if (!echo && client->session->dialect == chat::Dialect::v1) {
    greeting = api::welcome({options_.server_id, epoch_, config_.limits.ping_interval_ms,
                             config_.limits.message_bytes, config_.limits.rooms_per_session});
  }
  connection.accept_websocket(handshake.response, echo ? echo_limits : connection_limits_.messages,
                              greeting);
}

void Core::open_session(Client& client, const proto::HttpRequest& request, bool echo,
                        const proto::Handshake& handshake) {
  client.session = std::make_unique<Session>();
  Session& session = *client.session;
  session.connection = &client.connection;
  session.echo = echo;
  session.deflate_window_bits = static_cast<std::uint8_t>(handshake.deflate_window_bits);
  session.dialect =
      handshake.subprotocol == v1_subprotocol ? chat::Dialect::v1 : chat::Dialect::compatible;
  client.connection.owner_data = &session;
  ++counts_.websocket_sessions;
  if (echo) return;

  if (config_.auth.mode == AuthMode::token) session.ends_at = context_.now + auth_deadline();
  if (const std::string_view token = api::token_of(request); !token.empty()) {
    session.cookie_token = std::make_unique<std::string>(token);
  }
}

bool Core::token_revoked(const api::Identity& token) const {
  if (!token.token_id.empty() && revoked_.contains(token.token_id)) return true;
  const auto user = revoked_users_.find(token.user);
  return user != revoked_users_.end() && token.issued <= user->second;
}

std::uint64_t Core::online_count(std::string_view room) const { return presence_.count(room); }

void Core::publish(const chat::Signal& signal) { options_.bus->publish(signal); }

api::Readiness Core::readiness() const {
  return {!options_.archive_healthy || options_.archive_healthy(),
          options_.stalled_threads ? options_.stalled_threads() : 0, draining_};
}

}  // namespace starling::shard
