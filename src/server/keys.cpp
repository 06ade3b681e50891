#include "server/keys.hpp"

#include "chat/ids.hpp"

namespace starling::server {

std::vector<Key> keys_of(Config& c, std::string& bus_url) {
  constexpr std::uint64_t day_ms = 86'400'000;
  constexpr std::uint64_t million = 1'000'000;
  constexpr std::uint64_t gib = std::uint64_t{1} << 30;
  return {
      {"server.host", &c.server.host},
      {"server.port", &c.server.port, 0, 65'535},
      {"server.data_dir", &c.server.data_dir},
      {"server.threads", &c.server.threads, 0, 64},
      {"server.pin", &c.server.pin},
      {"server.drain_window_ms", &c.server.drain_window_ms, 0, 600'000},
      {"server.drain_deadline_ms", &c.server.drain_deadline_ms, 100, 600'000},
      {"http.allowed_origins", &c.http.allowed_origins},
      {"http.max_body_bytes", &c.http.max_body_bytes, 1'024, 64 << 20},
      {"http.head_timeout_ms", &c.http.head_timeout_ms, 100, 600'000},
      {"http.body_timeout_ms", &c.http.body_timeout_ms, 100, 600'000},
      {"http.body_bytes_per_second", &c.http.body_bytes_per_second, 0, 1'000'000},
      {"http.idle_timeout_ms", &c.http.idle_timeout_ms, 100, day_ms},
      {"auth.mode", &c.auth.mode},
      {"auth.secret", &c.auth.secret},
      {"auth.public_key_file", &c.auth.public_key_file},
      {"auth.open_beyond_loopback", &c.auth.open_beyond_loopback},
      {"auth.token_days", &c.auth.token_days, 1, 3'650},
      {"auth.deadline_ms", &c.auth.deadline_ms, 100, 600'000},
      {"auth.registration", &c.auth.registration, 0, 0, {"open", "invite", "off"}},
      {"auth.invite_code", &c.auth.invite_code},
      {"auth.registrations_per_hour", &c.auth.registrations_per_hour, 0, million},
      {"auth.logins_per_minute", &c.auth.logins_per_minute, 0, million},
      {"auth.account_logins_per_minute", &c.auth.account_logins_per_minute, 0, million},
      {"auth.address_passwords", &c.auth.address_passwords, 0, 128},
      {"limits.message_bytes", &c.limits.message_bytes, 1, 65'536},
      {"limits.frame_bytes", &c.limits.frame_bytes, 1'024, 16 << 20},
      {"limits.fragments", &c.limits.fragments, 1, 1'000'000},
      {"limits.connections", &c.limits.connections, 1, 10'000'000},
      {"limits.rooms_per_session", &c.limits.rooms_per_session, 1, 10'000},
      {"limits.messages_per_second", &c.limits.messages_per_second, 1, 1'000'000},
      {"limits.message_burst", &c.limits.message_burst, 1, 1'000'000},
      {"limits.refusals", &c.limits.refusals, 0, 65'000},
      {"limits.user_messages_per_second", &c.limits.user_messages_per_second, 0, million},
      {"limits.user_message_burst", &c.limits.user_message_burst, 1, million},
      {"limits.room_messages_per_second", &c.limits.room_messages_per_second, 0, million},
      {"limits.room_message_burst", &c.limits.room_message_burst, 1, million},
      {"limits.address_requests_per_second", &c.limits.address_requests_per_second, 0, million},
      {"limits.address_request_burst", &c.limits.address_request_burst, 1, million},
      {"limits.address_connections", &c.limits.address_connections, 0, 10'000'000},
      {"limits.user_connections", &c.limits.user_connections, 0, 10'000'000},
      {"limits.rooms_per_user", &c.limits.rooms_per_user, 0, million},
      {"limits.rooms_created_per_hour", &c.limits.rooms_created_per_hour, 0, million},
      {"limits.metadata_bytes", &c.limits.metadata_bytes, 2, chat::max_metadata_bytes},
      {"limits.ping_interval_ms", &c.limits.ping_interval_ms, 1'000, day_ms},
      {"limits.send_timeout_ms", &c.limits.send_timeout_ms, 1'000, day_ms},
      {"limits.room_buffer_bytes", &c.limits.room_buffer_bytes, 65'536, gib},
      {"limits.private_buffer_bytes", &c.limits.private_buffer_bytes, 65'536, gib},
      {"limits.shard_buffer_bytes", &c.limits.shard_buffer_bytes, 1 << 20, 64 * gib},
      {"limits.requests_in_flight", &c.limits.requests_in_flight, 16, 1'000'000},
      {"store.url", &c.store.url},
      {"store.readers", &c.store.readers, 1, 16},
      {"store.sync", &c.store.sync, 0, 0, {"full", "os"}},
      {"store.batch_events", &c.store.batch_events, 1, 65'536},
      {"presence.grace_ms", &c.presence.grace_ms, 0, 600'000},
      {"presence.events_max", &c.presence.events_max, 0, 100'000},
      {"presence.typing_ms", &c.presence.typing_ms, 100, 600'000},
      {"resume.max_events", &c.resume.max_events, 1, 100'000},
      {"admin.host", &c.admin.host},
      {"admin.port", &c.admin.port, 0, 65'535},
      {"bus.url", &bus_url},
      {"log.level", &c.log.level, 0, 0, {"debug", "info", "warning", "error"}},
      {"test.echo", &c.test.echo},
  };
}

}  // namespace starling::server
