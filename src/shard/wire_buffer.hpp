// WireBuffer: the newest frames of a room, contiguous and ready to send.
//
// A stream of bytes with absolute offsets, kept in pieces. A member is a cursor into it: what lies
// between the cursor and the end is pending. Pieces end on frames, so every range that is sent
// does. When nobody is behind, nothing is kept; when somebody is too far behind, the oldest pieces
// go, and the cursor has fallen off.
//
//      begin()                                   end()
//        │ piece │   piece    │ piece (growing)    │
//                   ▲ cursor of a lagging member   ▲ cursor of the others
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>

#include "base/chunk.hpp"
#include "chat/ids.hpp"
#include "net/connection.hpp"

namespace starling::shard {

class WireBuffer {
 public:
  static constexpr std::size_t first_piece_bytes = 4 * 1024;
  static constexpr std::size_t max_piece_bytes = net::max_bytes_per_send;

  // The offset behind the newest frame. Never goes back.
  std::uint64_t end() const { return end_; }
  // The offset of the oldest frame that is kept; end() if nothing is.
  std::uint64_t begin() const { return pieces_.empty() ? end_ : pieces_.front().start; }
  bool empty() const { return pieces_.empty(); }
  std::size_t kept_bytes() const { return static_cast<std::size_t>(end_ - begin()); }
  // The seq before the oldest frame that is kept. Only when not empty().
  chat::Seq seq_before_begin() const { return pieces_.front().seq_before; }

  // Appends one frame. Its reader has seen everything up to `before` and has then seen everything
  // up to `after`: an event's predecessor and itself, or twice the room's position for a frame that
  // is no event.
  void append(std::string_view frame, chat::Seq before, chat::Seq after, base::ChunkBudget& budget);

  // The range from `cursor` (between begin() and end(), at the end of a range given before) to the
  // end of its piece, and where it leads. Requires cursor < end().
  struct Range {
    net::Segment segment;
    std::uint64_t end = 0;
    chat::Seq seen = 0;  // the last seq in it
  };
  Range range_from(std::uint64_t cursor) const;

  // Forgets the oldest pieces until at most `bytes` are kept. Sends in flight keep theirs.
  void trim(std::size_t bytes);
  void clear() { pieces_.clear(); }

 private:
  struct Piece {
    std::uint64_t start = 0;
    chat::Seq seq_before = 0;
    chat::Seq seq_last = 0;
    base::ChunkRef chunk;
  };

  std::uint64_t end_ = 0;
  std::size_t next_capacity_ = first_piece_bytes;
  std::deque<Piece> pieces_;
};

}  // namespace starling::shard
