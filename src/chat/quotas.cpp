#include "chat/quotas.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/check.hpp"

namespace starling::chat {
namespace {

constexpr double seconds_per_minute = 60;
constexpr double seconds_per_hour = 3'600;

// The finalizer of splitmix64: every bit of what goes in changes half of what comes out.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ value >> 30) * 0xbf58476d1ce4e5b9u;
  value = (value ^ value >> 27) * 0x94d049bb133111ebu;
  return value ^ value >> 31;
}

}  // namespace

std::string_view to_string(Limit limit) {
  switch (limit) {
    case Limit::address_requests:
      return "address_requests";
    case Limit::address_registrations:
      return "address_registrations";
    case Limit::address_logins:
      return "address_logins";
    case Limit::account_logins:
      return "account_logins";
    case Limit::user_messages:
      return "user_messages";
    case Limit::user_rooms_created:
      return "user_rooms_created";
    case Limit::room_messages:
      return "room_messages";
    case Limit::address_connections:
      return "address_connections";
    case Limit::user_connections:
      return "user_connections";
    case Limit::address_passwords:
      return "address_passwords";
    case Limit::connection_messages:
      return "connection_messages";
    case Limit::connections:
      return "connections";
    case Limit::refusals:
      return "refusals";
  }
  return "unknown";
}

Quotas::Quotas(const Config& config, std::uint64_t seed)
    : seed_(seed),
      rates_(std::make_unique<std::array<Rate, rates>>()),
      held_(std::make_unique<std::array<Held, helds - rates>>()) {
  reconfigure(config);
}

void Quotas::reconfigure(const Config& config) {
  const Config::Limits& l = config.limits;
  const Config::Auth& a = config.auth;
  set(Limit::address_requests, l.address_requests_per_second, 1, l.address_request_burst);
  set(Limit::address_registrations, a.registrations_per_hour, seconds_per_hour,
      a.registrations_per_hour);
  set(Limit::address_logins, a.logins_per_minute, seconds_per_minute, a.logins_per_minute);
  set(Limit::account_logins, a.account_logins_per_minute, seconds_per_minute,
      a.account_logins_per_minute);
  set(Limit::user_messages, l.user_messages_per_second, 1, l.user_message_burst);
  set(Limit::user_rooms_created, l.rooms_created_per_hour, seconds_per_hour,
      l.rooms_created_per_hour);
  set(Limit::room_messages, l.room_messages_per_second, 1, l.room_message_burst);
  held(Limit::address_connections).limit = l.address_connections;
  held(Limit::user_connections).limit = l.user_connections;
  held(Limit::address_passwords).limit = a.address_passwords;
}

void Quotas::set(Limit limit, unsigned tokens, double seconds, unsigned burst) {
  Rate& one = rate(limit);
  one.limited = tokens > 0;
  one.per_second = tokens / seconds;
  one.burst = static_cast<double>(burst);
}

Quotas::Rate& Quotas::rate(Limit limit) {
  const auto index = static_cast<std::size_t>(limit);
  CHECK(index < rates);
  return (*rates_)[index];
}

Quotas::Held& Quotas::held(Limit limit) {
  const auto index = static_cast<std::size_t>(limit);
  CHECK(index >= rates && index < helds);
  return (*held_)[index - rates];
}

base::Duration Quotas::take(Limit limit, SketchKey key, base::Instant now) {
  Rate& one = rate(limit);
  if (!one.limited) return {};
  const base::Duration until = one.sketch.take(key, one.rule(), now);
  if (until > base::Duration::zero()) count_refusal(limit);
  return until;
}

base::Duration Quotas::charge(Limit limit, SketchKey key, base::Instant now) {
  Rate& one = rate(limit);
  return one.limited ? one.sketch.charge(key, one.rule(), now) : base::Duration::zero();
}

base::Duration Quotas::wait_for_room(std::string_view room, base::Instant now) {
  const Rate& one = rate(Limit::room_messages);
  if (!one.limited) return {};
  const base::Duration until = one.sketch.wait(key_of(room), one.rule(), now);
  if (until > base::Duration::zero()) count_refusal(Limit::room_messages);
  return until;
}

bool Quotas::may_create_rooms(UserId user, base::Instant now) {
  const Rate& one = rate(Limit::user_rooms_created);
  if (!one.limited) return true;
  return one.sketch.wait(key_of(user), one.rule(), now) == base::Duration::zero();
}

void Quotas::note(const MessagePosted& posted, base::Instant now) {
  if (posted.duplicate) return;
  charge(Limit::room_messages, key_of(posted.room), now);
  if (posted.created) charge(Limit::user_rooms_created, key_of(posted.event.sender), now);
}

void Quotas::note(const RoomJoined& joined, UserId user, base::Instant now) {
  if (joined.created) charge(Limit::user_rooms_created, key_of(user), now);
}

bool Quotas::enter(Limit which, SketchKey key) {
  Held& one = held(which);
  // Counted without a limit, too: there may be one when it is left.
  const std::uint32_t limit = one.limit;
  if (one.sketch.enter(key, limit != 0 ? limit : std::numeric_limits<std::uint32_t>::max())) {
    return true;
  }
  count_refusal(which);
  return false;
}

void Quotas::leave(Limit limit, SketchKey key) { held(limit).sketch.leave(key); }

SketchKey Quotas::key_of(std::string_view text) const {
  std::uint64_t key = mix(seed_ ^ text.size());
  while (!text.empty()) {
    std::uint64_t word = 0;
    const std::size_t size = std::min(text.size(), sizeof word);
    std::memcpy(&word, text.data(), size);
    key = mix(key ^ word);
    text.remove_prefix(size);
  }
  return key;
}

SketchKey Quotas::key_of(std::uint64_t number) const { return mix(mix(seed_ ^ number)); }

AddressKey Quotas::address_key(std::string_view address) const {
  return std::max(AddressKey{1}, static_cast<AddressKey>(key_of(address)));
}

}  // namespace starling::chat
