#include "shard/wire_buffer.hpp"

#include <algorithm>

#include "base/check.hpp"

namespace starling::shard {

void WireBuffer::append(std::string_view frame, chat::Seq before, chat::Seq after,
                        base::ChunkBudget& budget) {
  if (pieces_.empty() || pieces_.back().chunk.room() < frame.size()) {
    // A room that is busy gets larger pieces, one that has been quiet starts small again.
    if (pieces_.empty()) next_capacity_ = std::max(first_piece_bytes, next_capacity_ / 2);
    const std::size_t capacity = std::max(next_capacity_, frame.size());
    next_capacity_ = std::min(max_piece_bytes, next_capacity_ * 2);
    pieces_.push_back({end_, before, before, base::ChunkRef::allocate(budget, capacity)});
  }
  Piece& piece = pieces_.back();
  piece.chunk.append(std::as_bytes(std::span{frame}));
  piece.seq_last = after;
  end_ += frame.size();
}

WireBuffer::Range WireBuffer::range_from(std::uint64_t cursor) const {
  CHECK(cursor >= begin() && cursor < end_);
  // Nearly always the newest piece.
  auto piece = pieces_.rbegin();
  while (piece->start > cursor) ++piece;
  const auto offset = static_cast<std::uint32_t>(cursor - piece->start);
  const std::uint32_t size = piece->chunk.size() - offset;
  return {{piece->chunk, offset, size}, cursor + size, piece->seq_last};
}

void WireBuffer::trim(std::size_t bytes) {
  while (!pieces_.empty() && kept_bytes() > bytes) pieces_.pop_front();
}

}  // namespace starling::shard
