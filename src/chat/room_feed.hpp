// RoomFeed: puts the events of one room into their order before they are delivered.
//
// Events reach a shard from more than one side (its own writer; in a fleet the bus and the
// archive), so they may come twice, early or not at all. The feed delivers seq by seq: an older
// event is dropped, one that is ahead waits for the missing ones, and a hole is filled from the
// archive. Pure: no clock, no queue, no socket. Belongs to its shard.
//
//   start ──► holding (until the head is known) ──► live ──hole──► live with a hole ──fill──► live
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <optional>
#include <vector>

#include "chat/event.hpp"
#include "chat/ids.hpp"

namespace starling::chat {

// One event on its way through a feed: where its bytes are, kept alive by the batch.
struct FeedItem {
  CommittedBatchRef batch;
  std::size_t index = 0;

  const CommittedBatch::Entry& entry() const { return batch->entries[index]; }
  Seq seq() const { return entry().event.seq; }
};

class RoomFeed {
 public:
  // Bound of what waits in a feed. Beyond it the highest are given up and read from the archive.
  static constexpr std::size_t max_held = 256;

  // While the head is unknown everything is held.
  bool holding() const { return !position_; }
  // The last seq that was delivered. Only when not holding.
  Seq position() const { return *position_; }

  // The archive's head, read after the feed was registered. Appends to `deliver` what was held
  // above it and is next. A second head of a live feed only says that there
  // is more.
  void set_head(Seq head, std::vector<FeedItem>& deliver);

  // The way of nearly every event: it is the next one and nothing waits for it. True: it is
  // delivered with that; false: offer() it.
  bool deliver_next(Seq seq) {
    if (!position_ || seq != *position_ + 1 || !held_.empty()) return false;
    position_ = seq;
    highest_ = std::max(highest_, seq);
    return true;
  }

  // An event came. Appends to `deliver` what can be delivered now, in order (nothing, it, or it
  // and those that waited for it).
  void offer(FeedItem item, std::vector<FeedItem>& deliver);

  // The first and last seq that are missing before something known; empty when there is no hole.
  struct Hole {
    Seq first = 0;
    Seq last = 0;
  };
  std::optional<Hole> hole() const;

 private:
  void drain(std::vector<FeedItem>& deliver);

  std::optional<Seq> position_;
  Seq highest_ = 0;  // that is known to exist
  std::map<Seq, FeedItem> held_;
};

}  // namespace starling::chat
