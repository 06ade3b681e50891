// RoomFeed: puts the events of one room into their order before they are delivered.
//
// Events reach a shard from more than one side (its own writer; in a fleet the bus and the
// archive), so they may come twice, early or not at all. The feed delivers seq by seq: an older
// event is dropped, one that is ahead waits for the missing ones, and a hole is filled from the
// archive. Pure: no clock, no queue, no socket. Belongs to its shard.
//
//   start ──► holding (until the head is known) ──► live ──hole──► live with a hole ──fill──► live
//                                                     └──doubt──► still ──believe──► live
//
// Every event names the one before it. One that does not go with what was delivered is no matter
// of order: the archive may have lost what it had shown. It is held until the archive has been
// asked (see CheckEvents); two histories never follow each other.
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

  // The archive's head and the event there (0: not known), read after the feed was registered.
  // Appends to `deliver` what was held above it and is next. A second head of a live feed only says
  // that there is more.
  void set_head(Seq head, MessageId id, std::vector<FeedItem>& deliver);

  // The way of nearly every event: it is the next one and nothing waits for it. True: it is
  // delivered with that; false: offer() it.
  bool deliver_next(const Event& event) {
    if (!position_ || event.seq != *position_ + 1 || !held_.empty() || !follows(event)) {
      return false;
    }
    reach(event);
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

  // What speaks against the archive still having what was delivered.
  struct Doubt {
    Seq position = 0;
    MessageId delivered = 0;  // at that position; 0: not known
    MessageId other = 0;      // an event that does not go with it; 0: its head is below
  };
  const std::optional<Doubt>& doubt() const { return doubt_; }
  // An event that was read from the archive: whether it is the one that was delivered there.
  void compare(Seq seq, MessageId id);
  // The archive's head is below what had been delivered when it was asked.
  void note_low_head();
  // The archive has all that the doubt was about: goes on with what was held.
  void believe(std::vector<FeedItem>& deliver);

 private:
  bool follows(const Event& event) const {
    return event.previous == last_ || event.previous == 0 || last_ == 0;
  }
  void reach(const Event& event) {
    position_ = event.seq;
    last_ = event.id;
    highest_ = std::max(highest_, event.seq);
  }
  void note(MessageId other);
  void drain(std::vector<FeedItem>& deliver);

  std::optional<Seq> position_;
  MessageId last_ = 0;  // the event there; 0: not known
  Seq highest_ = 0;     // that is known to exist
  std::optional<Doubt> doubt_;
  std::map<Seq, FeedItem> held_;
};

}  // namespace starling::chat
