#include "chat/room_feed.hpp"

#include <algorithm>
#include <utility>

namespace starling::chat {

void RoomFeed::set_head(Seq head, MessageId id, std::vector<FeedItem>& deliver) {
  highest_ = std::max(highest_, head);
  if (!position_) {
    position_ = head;
    last_ = id;
  } else {
    compare(head, id);
  }
  drain(deliver);
}

void RoomFeed::offer(FeedItem item, std::vector<FeedItem>& deliver) {
  const Event& event = item.entry().event;
  if (deliver_next(event)) {
    deliver.push_back(std::move(item));
    return;
  }
  const Seq seq = event.seq;
  highest_ = std::max(highest_, seq);
  if (position_ && seq <= *position_) {
    compare(seq, event.id);
    return;
  }
  held_.emplace(seq, std::move(item));
  drain(deliver);
  // The latest ones are given up first: the archive has them, and a fill reads upwards.
  while (held_.size() > max_held) held_.erase(std::prev(held_.end()));
}

std::optional<RoomFeed::Hole> RoomFeed::hole() const {
  if (!position_ || highest_ <= *position_) return std::nullopt;
  const Seq last = held_.empty() ? highest_ : held_.begin()->first - 1;
  if (last == *position_) return std::nullopt;  // the next one is there, and doubted
  return Hole{*position_ + 1, last};
}

// ---- doubts ----------------------------------------------------------------------------------

void RoomFeed::note(MessageId other) {
  if (!doubt_) doubt_ = Doubt{*position_, last_, other};
}

void RoomFeed::compare(Seq seq, MessageId id) {
  if (position_ == seq && id != last_ && id != 0 && last_ != 0) note(id);
}

void RoomFeed::note_low_head() {
  if (position_) note(0);
}

void RoomFeed::believe(std::vector<FeedItem>& deliver) {
  if (!std::exchange(doubt_, std::nullopt)) return;
  if (!held_.empty()) last_ = 0;
  drain(deliver);
}

void RoomFeed::drain(std::vector<FeedItem>& deliver) {
  if (!position_) return;
  held_.erase(held_.begin(), held_.upper_bound(*position_));
  while (!held_.empty() && held_.begin()->first == *position_ + 1) {
    const Event& event = held_.begin()->second.entry().event;
    if (!follows(event)) return note(event.id);
    reach(event);
    deliver.push_back(std::move(held_.begin()->second));
    held_.erase(held_.begin());
  }
}

}  // namespace starling::chat
