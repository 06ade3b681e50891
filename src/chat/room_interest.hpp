// RoomInterest: which rooms a shard has members in, as other threads may ask.
//
// A committed batch is of use only to the shards with members in one of its rooms. Each shard
// counts its rooms in buckets of their names; whoever has a batch (the writer) looks into the
// buckets of the batch's rooms. Two rooms that share a bucket cost a batch that is looked at in
// vain, never one that is missed: a shard counts a room before it asks the writer to let somebody
// in, and the writer's mailbox orders the two.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string_view>

#include "base/check.hpp"

namespace starling::chat {

using RoomBucket = std::uint16_t;

inline constexpr std::size_t room_buckets = 16'384;

inline RoomBucket bucket_of(std::string_view room) {
  return static_cast<RoomBucket>(std::hash<std::string_view>{}(room) % room_buckets);
}

class RoomInterest {
 public:
  // ---- the shard's thread
  void add(std::string_view room) { change(room, 1); }
  void remove(std::string_view room) { change(room, -1); }

  // ---- any thread
  bool any_of(std::span<const RoomBucket> buckets) const {
    for (const RoomBucket bucket : buckets) {
      if (rooms_[bucket].load(std::memory_order_relaxed) != 0) return true;
    }
    return false;
  }

 private:
  // Only one thread writes, so no read-modify-write is needed.
  void change(std::string_view room, std::int32_t by) {
    std::atomic<std::int32_t>& rooms = rooms_[bucket_of(room)];
    const std::int32_t count = rooms.load(std::memory_order_relaxed) + by;
    CHECK(count >= 0);
    rooms.store(count, std::memory_order_relaxed);
  }

  std::array<std::atomic<std::int32_t>, room_buckets> rooms_{};
};

}  // namespace starling::chat
