#include "chat/room_feed.hpp"

#include <algorithm>
#include <utility>

namespace starling::chat {

void RoomFeed::set_head(Seq head, std::vector<FeedItem>& deliver) {
  highest_ = std::max(highest_, head);
  if (!position_) position_ = head;
  drain(deliver);
}

void RoomFeed::offer(FeedItem item, std::vector<FeedItem>& deliver) {
  const Seq seq = item.seq();
  if (deliver_next(seq)) {
    deliver.push_back(std::move(item));
    return;
  }
  highest_ = std::max(highest_, seq);
  if (position_ && seq <= *position_) return;
  held_.emplace(seq, std::move(item));
  drain(deliver);
  // The latest ones are given up first: the archive has them, and a fill reads upwards.
  while (held_.size() > max_held) held_.erase(std::prev(held_.end()));
}

std::optional<RoomFeed::Hole> RoomFeed::hole() const {
  if (!position_ || highest_ <= *position_) return std::nullopt;
  const Seq last = held_.empty() ? highest_ : held_.begin()->first - 1;
  return Hole{*position_ + 1, last};
}

void RoomFeed::drain(std::vector<FeedItem>& deliver) {
  if (!position_) return;
  held_.erase(held_.begin(), held_.upper_bound(*position_));
  while (!held_.empty() && held_.begin()->first == *position_ + 1) {
    position_ = held_.begin()->first;
    deliver.push_back(std::move(held_.begin()->second));
    held_.erase(held_.begin());
  }
}

}  // namespace starling::chat
