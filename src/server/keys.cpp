#include "server/keys.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "chat/ids.hpp"

namespace starling::server {
namespace {

constexpr std::uint64_t day_ms = 86'400'000;
constexpr std::uint64_t million = 1'000'000;
constexpr std::uint64_t gib = std::uint64_t{1} << 30;
constexpr Takes restart = Takes::restart;
constexpr Takes reload = Takes::reload;

Key plain(std::string name, Target target, Takes takes, std::string help) {
  return {std::move(name), target, takes, std::move(help)};
}

// `low` to `high`, inclusive.
Key number(std::string name, Target target, std::uint64_t low, std::uint64_t high, Takes takes,
           std::string help) {
  Key key = plain(std::move(name), target, takes, std::move(help));
  key.low = low;
  key.high = high;
  return key;
}

Key choice(std::string name, Target target, std::vector<std::string> choices, Takes takes,
           std::string help) {
  Key key = plain(std::move(name), target, takes, std::move(help));
  key.choices = std::move(choices);
  return key;
}

Key secret(std::string name, Target target, Takes takes, std::string help) {
  Key key = plain(std::move(name), target, takes, std::move(help));
  key.shown = Shown::never;
  return key;
}

// May hold a password.
Key url(std::string name, Target target, Takes takes, std::string help) {
  Key key = plain(std::move(name), target, takes, std::move(help));
  key.shown = Shown::without_password;
  return key;
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> sections{{
    {"server", "The process, where it listens, how it ends"},
    {"http", "Requests and the browsers that make them"},
    {"auth", "Who may speak as whom, and who may join"},
    {"limits", "What one client, user, address or room may take"},
    {"store", "The archive"},
    {"presence", "Who is here, who types"},
    {"resume", "Coming back after a cut"},
    {"admin", "The listener of metrics and health"},
    {"bus", "What servers of a fleet tell each other"},
    {"log", "What is logged"},
    {"test", "For the tests of the server; not for production"},
}};

}  // namespace

std::string_view about_section(std::string_view section) {
  const auto* const found =
      std::ranges::find(sections, section, &std::pair<std::string_view, std::string_view>::first);
  return found == sections.end() ? std::string_view{} : found->second;
}

std::vector<Key> keys_of(Config& c) {
  return {
      plain("server.host", &c.server.host, restart, "address of the public listener, IPv4 or IPv6"),
      number("server.port", &c.server.port, 0, 65'535, restart,
             "port of the public listener; 0: the kernel chooses, and the log says what"),
      plain("server.data_dir", &c.server.data_dir, restart,
            "folder of all state; made with mode 0700 if it is missing"),
      number("server.threads", &c.server.threads, 0, 64, restart,
             "shards, each a thread with connections of its own; 0: one for each core that the "
             "process may use"),
      plain("server.pin", &c.server.pin, restart,
            "each shard stays on a core of its own; needs sched_setaffinity"),
      number("server.drain_window_ms", &c.server.drain_window_ms, 0, 600'000, reload,
             "clients are sent away spread over this time"),
      number("server.drain_deadline_ms", &c.server.drain_deadline_ms, 100, 600'000, reload,
             "patience of a drain; what is unresolved then stays unacknowledged"),
      plain("http.allowed_origins", &c.http.allowed_origins, reload,
            "origins that may connect besides the own host"),
      plain(
          "http.trusted_proxies", &c.http.trusted_proxies, reload,
          "addresses and networks (10.0.0.0/8) of proxies that are believed about whom they speak "
          "for: X-Forwarded-For, X-Forwarded-Proto; holds for connections made from then on"),
      plain("http.proxy_protocol", &c.http.proxy_protocol, reload,
            "connections of trusted proxies begin with a PROXY protocol header, version 2; one "
            "without it is closed"),
      number("http.max_body_bytes", &c.http.max_body_bytes, 1'024, 64 << 20, restart,
             "a larger request body is refused with 413"),
      number("http.head_timeout_ms", &c.http.head_timeout_ms, 100, 600'000, reload,
             "from the first byte of a request's head to its end"),
      number("http.body_timeout_ms", &c.http.body_timeout_ms, 100, 600'000, reload,
             "from the end of the head to the end of the body"),
      number("http.body_bytes_per_second", &c.http.body_bytes_per_second, 0, 1'000'000, reload,
             "a body that comes more slowly, on average and judged after 5 s, is refused with 408; "
             "0: any pace"),
      number("http.idle_timeout_ms", &c.http.idle_timeout_ms, 100, day_ms, reload,
             "between two requests of a connection"),
      choice("auth.mode", &c.auth.mode, {"token", "open"}, restart,
             "token: a session is who its token says; open: an id is believed"),
      secret("auth.secret", &c.auth.secret, restart,
             "key of the tokens, at least 16 bytes, HS256; empty: DATA/secret is made and kept"),
      plain("auth.public_key_file", &c.auth.public_key_file, restart,
            "RS256 instead of auth.secret: the PEM file of a key"),
      plain("auth.open_beyond_loopback", &c.auth.open_beyond_loopback, restart,
            "allow open mode on an address that others can reach"),
      number("auth.token_days", &c.auth.token_days, 1, 3'650, reload,
             "a token of this server is valid for so long"),
      number("auth.deadline_ms", &c.auth.deadline_ms, 100, 600'000, reload,
             "a socket that has not authenticated by then is closed"),
      choice("auth.registration", &c.auth.registration, {"open", "invite", "off"}, reload,
             "who may POST /api/users: everybody, who has the code, nobody"),
      secret("auth.invite_code", &c.auth.invite_code, reload,
             "at least 8 bytes; asked for of new users, as the field invite, where "
             "auth.registration = \"invite\""),
      number("auth.registrations_per_hour", &c.auth.registrations_per_hour, 0, million, reload,
             "accounts made from an address, and as many at once; 0: no limit"),
      number("auth.logins_per_minute", &c.auth.logins_per_minute, 0, million, reload,
             "passwords tried from an address, and as many at once; 0: no limit"),
      number("auth.account_logins_per_minute", &c.auth.account_logins_per_minute, 0, million,
             reload, "passwords tried for an account, and as many at once; 0: no limit"),
      number("auth.address_passwords", &c.auth.address_passwords, 0, 128, reload,
             "passwords of an address that wait to be hashed (128 in all); 0: no limit"),
      number("limits.message_bytes", &c.limits.message_bytes, 1, 65'536, reload,
             "content of a chat message"),
      number("limits.frame_bytes", &c.limits.frame_bytes, 1'024, 16 << 20, restart,
             "a WebSocket message on the chat path"),
      number("limits.fragments", &c.limits.fragments, 1, 1'000'000, reload,
             "frames of one WebSocket message on the chat path"),
      number("limits.connections", &c.limits.connections, 1, 10'000'000, reload,
             "open at once; a further one is closed"),
      number("limits.rooms_per_session", &c.limits.rooms_per_session, 1, 10'000, reload,
             "rooms that one socket may be in"),
      number("limits.messages_per_second", &c.limits.messages_per_second, 1, 1'000'000, reload,
             "of one connection"),
      number("limits.message_burst", &c.limits.message_burst, 1, 1'000'000, reload,
             "of one connection, saved up"),
      number("limits.refusals", &c.limits.refusals, 0, 65'000, reload,
             "a socket that was refused so often for its rate, without a second's rest, is closed "
             "with 1008; 0: never"),
      number("limits.user_messages_per_second", &c.limits.user_messages_per_second, 0, million,
             reload,
             "WebSocket messages and REST calls of a user, by all its connections; 0: no limit"),
      number("limits.user_message_burst", &c.limits.user_message_burst, 1, million, reload,
             "the same, saved up"),
      number("limits.room_messages_per_second", &c.limits.room_messages_per_second, 0, million,
             reload, "messages kept in a room, whoever writes; 0: no limit"),
      number("limits.room_message_burst", &c.limits.room_message_burst, 1, million, reload,
             "the same, saved up"),
      number("limits.address_requests_per_second", &c.limits.address_requests_per_second, 0,
             million, reload,
             "HTTP requests, upgrades and WebSocket messages of an address; 0: no limit"),
      number("limits.address_request_burst", &c.limits.address_request_burst, 1, million, reload,
             "the same, saved up"),
      number("limits.address_connections", &c.limits.address_connections, 0, 10'000'000, reload,
             "open at once from an address; a further one is closed; 0: no limit"),
      number("limits.user_connections", &c.limits.user_connections, 0, 10'000'000, reload,
             "WebSockets of a user open at once; 0: no limit"),
      number("limits.rooms_per_user", &c.limits.rooms_per_user, 0, million, reload,
             "rooms that a user is a member of; 0: no limit"),
      number("limits.rooms_created_per_hour", &c.limits.rooms_created_per_hour, 0, million, reload,
             "rooms in which a user was the first; 0: no limit"),
      number("limits.metadata_bytes", &c.limits.metadata_bytes, 2, chat::max_metadata_bytes, reload,
             "a message's metadata, as JSON"),
      number("limits.ping_interval_ms", &c.limits.ping_interval_ms, 1'000, day_ms, reload,
             "between two pings of the server"),
      number("limits.send_timeout_ms", &c.limits.send_timeout_ms, 1'000, day_ms, reload,
             "a send that makes no progress closes the connection"),
      number("limits.room_buffer_bytes", &c.limits.room_buffer_bytes, 65'536, gib, reload,
             "what a room keeps for those who lag; a member further behind is a slow reader"),
      number("limits.private_buffer_bytes", &c.limits.private_buffer_bytes, 65'536, gib, reload,
             "replies that wait for one connection; beyond it the connection is closed"),
      number("limits.shard_buffer_bytes", &c.limits.shard_buffer_bytes, 1 << 20, 64 * gib, restart,
             "everything of a shard that waits to be sent"),
      number("limits.requests_in_flight", &c.limits.requests_in_flight, 16, 1'000'000, restart,
             "of a shard towards the archive; further ones are refused"),
      number("limits.memory_bytes", &c.limits.memory_bytes, 0, 1024 * gib, restart,
             "ceiling of the process's memory, at least 67108864; from three quarters of it on "
             "services are given up one after the other, messages last; 0: three quarters of what "
             "the machine or the control group allows"),
      url("store.url", &c.store.url, restart,
          "sqlite:PATH or "
          "mysql://user:password@host:port/database[?tls=on&tls_ca=FILE&socket=PATH]; "
          "empty: starling.db in the data folder"),
      plain("store.password_file", &c.store.password_file, restart,
            "its first line takes the place of the password in store.url"),
      number("store.readers", &c.store.readers, 1, 16, restart, "threads that read history"),
      choice("store.sync", &c.store.sync, {"full", "os"}, restart,
             "full: power loss loses nothing acknowledged; os: it may"),
      number("store.batch_events", &c.store.batch_events, 1, 65'536, restart,
             "events of one transaction"),
      number("presence.grace_ms", &c.presence.grace_ms, 0, 600'000, reload,
             "between the end of the last connection of a user and user_left"),
      number("presence.events_max", &c.presence.events_max, 0, 100'000, reload,
             "in rooms with more people: presence_count once a second"),
      number("presence.typing_ms", &c.presence.typing_ms, 100, 600'000, reload,
             "until a typing mark expires"),
      number("resume.max_events", &c.resume.max_events, 1, 100'000, reload,
             "a client further behind is told of the older part by a gap"),
      plain("admin.host", &c.admin.host, restart, "address of the admin listener"),
      number("admin.port", &c.admin.port, 0, 65'535, restart,
             "port of the admin listener; if the default is taken, a free one that the log names"),
      url("bus.url", &c.bus.url, restart,
          "amqp://user:password@host:port/vhost of a RabbitMQ, or amqps:// for TLS; empty: no bus"),
      plain("bus.password_file", &c.bus.password_file, restart,
            "its first line takes the place of the password in bus.url"),
      plain("bus.tls_ca", &c.bus.tls_ca, restart,
            "amqps: a file of the authorities that may sign the broker's certificate; empty: the "
            "system's"),
      secret("bus.secret", &c.bus.secret, restart,
             "what servers tell each other is signed with; empty: auth.secret"),
      number("bus.partitions", &c.bus.partitions, 1, 256, restart,
             "routing keys that events are spread over; servers may differ"),
      number("bus.gap_wait_ms", &c.bus.gap_wait_ms, 0, 10'000, restart,
             "for an event that may be on its way, before it is read from the archive"),
      number("bus.heartbeat_s", &c.bus.heartbeat_s, 1, 60, restart,
             "a broker that is silent for twice as long is lost"),
      choice("log.level", &c.log.level, {"debug", "info", "warning", "error"}, reload,
             "least level to log"),
      plain("test.echo", &c.test.echo, restart, "a WebSocket echo at /echo for conformance tools"),
  };
}

}  // namespace starling::server
