#include "server/limits.hpp"

#include <algorithm>

#include "api/bounds.hpp"
#include "base/check.hpp"
#include "chat/archive.hpp"
#include "chat/fleet_view.hpp"
#include "chat/ids.hpp"
#include "proto/http.hpp"
#include "proto/json_reader.hpp"
#include "proto/proxy_header.hpp"
#include "server/hasher.hpp"
#include "server/keys.hpp"
#include "server/value.hpp"

namespace starling::server {
namespace {

constexpr std::string_view bytes = "bytes";
constexpr std::string_view saved_up = "the same, saved up";

LimitGroup messages() {
  const std::vector<std::string_view> wrong{"400 `bad_request`", "`error` `bad_request`"};
  const std::vector<std::string_view> wrong_call{"400 `bad_request`", ""};
  const std::vector<std::string_view> wrong_command{"", "`error` `bad_request`"};
  return {
      "Messages and names",
      {"over HTTP", "on a WebSocket"},
      {
          {"content of a message",
           "limits.message_bytes",
           "message",
           {"413 `too_large`", "`error` `too_large`"}},
          {"metadata of a message, as JSON",
           "limits.metadata_bytes",
           "message",
           {"400 `bad_request`", "`error` `too_large`"}},
          {"a room's id", Fixed{chat::max_room_id_bytes, bytes}, "room", wrong},
          {"`messageType`", Fixed{chat::max_message_type_bytes, bytes}, "message", wrong},
          {"`clientMessageId`, `Idempotency-Key`", Fixed{chat::max_client_message_id_bytes, bytes},
           "message", wrong},
          {"`ref`", Fixed{chat::max_ref_bytes, bytes}, "command", wrong_command},
          {"`t` of a `ping`, as JSON", Fixed{api::max_ping_bytes, bytes}, "command", wrong_command},
          {"a user's name", Fixed{chat::max_username_characters, "characters"}, "user", wrong_call},
          {"an email address", Fixed{chat::max_email_bytes, bytes}, "user", wrong_call},
          {"a new password, at least", Fixed{chat::min_password_bytes, bytes}, "user", wrong_call},
          {"a new password, at most", Fixed{chat::max_password_bytes, bytes}, "user", wrong_call},
          {"a token",
           Fixed{api::max_token_bytes, bytes},
           "session",
           {"401 `unauthenticated`", "`error` `unauthenticated`"}},
          {"objects and arrays in each other",
           Fixed{proto::max_json_depth},
           "document",
           {"400 `bad_json`", "`error` `bad_json`"}},
      }};
}

LimitGroup rates() {
  constexpr std::string_view http = "429 `rate_limited`";
  constexpr std::string_view socket = "`error` `rate_limited`";
  return {
      "How often",
      {"over HTTP", "on a WebSocket"},
      {
          {"commands", "limits.messages_per_second", "connection", {"", socket}},
          {saved_up, "limits.message_burst", "connection", {"", socket}},
          {"commands that were too early, without a second's rest",
           "limits.refusals",
           "connection",
           {"", "close 1008"}},
          {"commands and REST calls", "limits.user_messages_per_second", "user", {http, socket}},
          {saved_up, "limits.user_message_burst", "user", {http, socket}},
          {"messages, whoever writes", "limits.room_messages_per_second", "room", {http, socket}},
          {saved_up, "limits.room_message_burst", "room", {http, socket}},
          {"rooms that did not exist", "limits.rooms_created_per_hour", "user", {http, socket}},
          {"requests, upgrades and commands",
           "limits.address_requests_per_second",
           "address",
           {http, socket}},
          {saved_up, "limits.address_request_burst", "address", {http, socket}},
          {"new users", "auth.registrations_per_hour", "address", {http, ""}},
          {"passwords tried", "auth.logins_per_minute", "address", {http, ""}},
          {"passwords tried", "auth.account_logins_per_minute", "account", {http, ""}},
          {"passwords that wait to be hashed", "auth.address_passwords", "address", {http, ""}},
          {"passwords that wait to be hashed",
           Fixed{Hasher::max_waiting},
           "server",
           {"503 `unavailable`", ""}},
      }};
}

LimitGroup numbers() {
  return {"How many",
          {"over HTTP", "on a WebSocket"},
          {
              {"connections open at once", "limits.connections", "server", {"closed", "closed"}},
              {"connections open at once",
               "limits.address_connections",
               "address",
               {"closed", "closed; through a trusted proxy: 429"}},
              {"WebSockets open at once",
               "limits.user_connections",
               "user",
               {"", "`error` `rate_limited`, close 1008"}},
              {"rooms that a socket is in",
               "limits.rooms_per_session",
               "connection",
               {"", "`error` `bad_request`"}},
              {"rooms that a user is a member of",
               "limits.rooms_per_user",
               "user",
               {"", "`error` `forbidden`"}},
              {"rooms of a resume",
               Fixed{api::max_resumed_rooms},
               "command",
               {"", "`error` `bad_request`"}},
              {"missed events that a resume brings",
               "resume.max_events",
               "room",
               {"", "`gap` `too_many`, then the newest"}},
              {"messages, users or rooms that a call gives",
               Fixed{api::max_page},
               "call",
               {"so many are given", "so many are given"}},
              {"rooms that the statistics name",
               Fixed{chat::CountAll{}.limit},
               "call",
               {"the fullest are named", ""}},
              {"user ids in `room_joined`",
               Fixed{api::max_online_listed},
               "room",
               {"", "so many are given; `onlineCount` counts all"}},
              {"people in a room whose coming and typing is told",
               "presence.events_max",
               "room",
               {"", "`presence_count` instead"}},
              {"messages that are counted as unread",
               Fixed{chat::max_unread},
               "room",
               {"", "so many are told"}},
          }};
}

LimitGroup requests() {
  constexpr std::string_view late = "408 `bad_request`";
  constexpr std::string_view large = "431 `bad_request`";
  return {
      "Requests",
      {"then"},
      {
          {"the target", Fixed{proto::max_target_bytes, bytes}, "request", {"414 `bad_request`"}},
          {"the head", Fixed{proto::max_head_bytes, bytes}, "request", {large}},
          {"headers", Fixed{proto::max_headers}, "request", {large}},
          {"a header's name", Fixed{proto::max_header_name_bytes, bytes}, "request", {large}},
          {"a header's value", Fixed{proto::max_header_value_bytes, bytes}, "request", {large}},
          {"the body", "http.max_body_bytes", "request", {"413 `too_large`"}},
          {"until the head is there", "http.head_timeout_ms", "request", {late}},
          {"until the body is there", "http.body_timeout_ms", "request", {late}},
          {"the body's pace, at least", "http.body_bytes_per_second", "request", {late}},
          {"between two requests", "http.idle_timeout_ms", "connection", {"closed"}},
          {"a PROXY header", Fixed{proto::max_proxy_header_bytes, bytes}, "connection", {"closed"}},
      }};
}

LimitGroup sockets() {
  return {"Sockets",
          {"then"},
          {
              {"a WebSocket message", "limits.frame_bytes", "message", {"close 1009"}},
              {"frames of one WebSocket message", "limits.fragments", "message", {"close 1008"}},
              {"until it has authenticated", "auth.deadline_ms", "connection", {"close 4301"}},
              {"without a word from the client",
               "limits.ping_interval_ms",
               "connection",
               {"a ping; closed after twice that and 10 s"}},
              {"a send that makes no progress",
               "limits.send_timeout_ms",
               "connection",
               {"closed, without a code, which nobody would read; 5 s later where the kernel holds "
                "what "
                "the client does not take"}},
              {"replies that wait for a reader",
               "limits.private_buffer_bytes",
               "connection",
               {"at half of it no more is read; then close 4101"}},
              {"events that wait for readers",
               "limits.room_buffer_bytes",
               "room",
               {"`gap` `slow_reader`; in the older dialect close 4101"}},
              {"until a typing mark ends by itself",
               "presence.typing_ms",
               "user",
               {"`typing` with `isTyping: false`"}},
              {"from a user's last socket until they are gone",
               "presence.grace_ms",
               "user",
               {"`user_left`"}},
          }};
}

LimitGroup servers() {
  return {
      "Servers",
      {"then"},
      {
          {"requests towards the archive",
           "limits.requests_in_flight",
           "core",
           {"503 or `error` `unavailable`"}},
          {"what waits to be sent",
           "limits.shard_buffer_bytes",
           "core",
           {"`gap` `slow_reader`; close 4101"}},
          {"memory of the process",
           "limits.memory_bytes",
           "server",
           {"[step by step](operations.md#when-memory-is-short)"}},
          {"events of a transaction",
           "store.batch_events",
           "server",
           {"the next one has the rest"}},
          {"sending clients away", "server.drain_window_ms", "server", {"all have been sent away"}},
          {"finishing what was accepted",
           "server.drain_deadline_ms",
           "server",
           {"it ends; what is open was not acknowledged"}},
          {"waiting for an event that may come by the bus",
           "bus.gap_wait_ms",
           "room",
           {"it is read from the archive"}},
          {"half of a broker's silence", "bus.heartbeat_s", "server", {"connected anew"}},
          {"other servers that it hears",
           Fixed{chat::FleetView::max_servers},
           "server",
           {"the others are not listed"}},
      }};
}

std::string page_row(const Limit& limit, const std::vector<Key>& keys) {
  std::string what{limit.what};
  std::string bound;
  std::string unit;
  std::string range = "fixed";
  if (const auto* fixed = std::get_if<Fixed>(&limit.bound)) {
    bound = std::to_string(fixed->bound);
    unit = fixed->unit;
  } else {
    const auto key = std::ranges::find(keys, std::get<std::string_view>(limit.bound), &Key::name);
    CHECK(key != keys.end());
    what += "<br>`" + key->name + "`";
    bound = toml_of(*key);
    unit = unit_of(*key);
    range = range_of(*key);
  }
  std::string row = "| " + what + " | " + bound + (unit.empty() ? "" : " " + unit) + " | " + range;
  row.append(" | ").append(limit.of);
  for (const std::string_view answer : limit.answers) row.append(" | ").append(answer);
  return row + " |\n";
}

constexpr std::string_view page_head = R"(# Limits

<!-- Written from src/server/limits.cpp: build-test/tools/reference limits.md > docs/limits.md -->

What has a bound, of whom, and what is answered beyond it. A name like `limits.message_bytes` is a [setting](configuration.md), shown with its default (what 0 means is said there);
what has none is fixed. "413 `too_large`" is a status with the code of its problem body, "`error` `too_large`" a frame with that code, "close 1009" the end of the socket
with that code; [the protocol](protocol.md#errors-and-close-codes) says what a client does then. An empty field: it cannot be met that way. What is refused is not kept.

A limit of a user, an address, an account or a room holds [for the whole server](operations.md#limits-and-abuse). Clients of the older dialect hear of no rate: they are read more slowly.
The queues inside of a server are bounded, too: [these are their bounds](ARCHITECTURE.md#queues-and-what-happens-when-they-are-full).
)";

}  // namespace

std::vector<LimitGroup> all_limits() {
  return {messages(), rates(), numbers(), requests(), sockets(), servers()};
}

std::string limits_page() {
  Config config;
  const std::vector<Key> keys = keys_of(config);
  std::string page{page_head};
  for (const LimitGroup& group : all_limits()) {
    std::string names = "| limit | bound | range | of a";
    std::string line = "|---|---|---|---";
    for (const std::string_view answer : group.answers) {
      names.append(" | ").append(answer);
      line += "|---";
    }
    page.append("\n## ").append(group.title).append("\n\n");
    page.append(names).append(" |\n").append(line).append("|\n");
    for (const Limit& limit : group.limits) page += page_row(limit, keys);
  }
  return page;
}

}  // namespace starling::server
