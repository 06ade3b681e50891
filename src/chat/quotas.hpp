// Quotas: what an address, a user, an account or a room may do on this server, and how often each
// limit was met.
//
// One object for all threads of a server: a limit holds whatever socket, shard or call it is tried
// by, and neither a new connection nor a new token begins it anew. Pure: time is passed in.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/time.hpp"
#include "chat/archive.hpp"
#include "chat/ids.hpp"
#include "chat/rate_limit.hpp"
#include "chat/sketch.hpp"
#include "starling/config.hpp"

namespace starling::chat {

enum class Limit : std::uint8_t {
  // Rates.
  address_requests,       // HTTP requests, upgrades and WebSocket messages of an address
  address_registrations,  // new users
  address_logins,         // passwords tried from an address
  account_logins,         // passwords tried for an account
  user_messages,          // WebSocket messages and REST calls of a user, by whatever connection
  user_rooms_created,     // rooms that a user was the first to enter or write in
  room_messages,          // messages kept in a room
  // What is held.
  address_connections,
  user_connections,
  address_passwords,  // that wait for the hasher
  // Counted here, kept elsewhere.
  connection_messages,  // each connection's own bucket
  connections,          // of the server
  refusals,             // a socket that was refused so often that it was closed
};
inline constexpr std::size_t limits = static_cast<std::size_t>(Limit::refusals) + 1;
std::string_view to_string(Limit limit);  // as metrics name it

// A client's address as the limits see it, never 0. Not the address itself, which nobody needs.
using AddressKey = std::uint32_t;

class Quotas {
 public:
  // `seed` is secret and differs from start to start: who shares a cell with whom cannot be aimed
  // at.
  Quotas(const Config& config, std::uint64_t seed);

  // ---- any thread
  // New limits from now on; what was taken and is held stays counted.
  void reconfigure(const Config& config);
  // Zero: granted. Otherwise refused (and counted), and this long until it would be granted.
  base::Duration take(Limit rate, SketchKey key, base::Instant now);
  // Granted in any case; how long the key then has to rest to be within its limit.
  base::Duration charge(Limit rate, SketchKey key, base::Instant now);

  // Rooms are charged for what was kept, so that who may not write there takes nothing from those
  // who may: asked before, noted after the commit. What is on its way to the archive in between may
  // come on top of the limit. Zero: granted.
  base::Duration wait_for_room(std::string_view room, base::Instant now);
  bool may_create_rooms(UserId user, base::Instant now);
  void note(const MessagePosted& posted, base::Instant now);
  void note(const RoomJoined& joined, UserId user, base::Instant now);

  // False: refused, and counted.
  [[nodiscard]] bool enter(Limit held, SketchKey key);
  void leave(Limit held, SketchKey key);

  void count_refusal(Limit limit) { ++refused_[static_cast<std::size_t>(limit)]; }
  std::uint64_t refused(Limit limit) const { return refused_[static_cast<std::size_t>(limit)]; }

  // ---- keys, any thread
  SketchKey key_of(std::string_view text) const;
  SketchKey key_of(std::uint64_t number) const;
  AddressKey address_key(std::string_view address) const;

 private:
  static constexpr std::size_t rates = static_cast<std::size_t>(Limit::room_messages) + 1;
  static constexpr std::size_t helds = static_cast<std::size_t>(Limit::address_passwords) + 1;

  // Limits change while they are asked for: for a moment one may see a new pace with an old burst.
  struct Rate {
    std::atomic<double> per_second{1};
    std::atomic<double> burst{1};
    std::atomic<bool> limited{false};
    RateSketch sketch;

    RateRule rule() const {
      return {per_second.load(std::memory_order_relaxed), burst.load(std::memory_order_relaxed)};
    }
  };
  struct Held {
    std::atomic<std::uint32_t> limit{0};  // 0: none
    CountSketch sketch;
  };
  void set(Limit rate, unsigned tokens, double seconds, unsigned burst);
  Rate& rate(Limit limit);
  Held& held(Limit limit);

  const std::uint64_t seed_;
  const std::unique_ptr<std::array<Rate, rates>> rates_;
  const std::unique_ptr<std::array<Held, helds - rates>> held_;
  std::array<std::atomic<std::uint64_t>, limits> refused_{};
};

}  // namespace starling::chat
