#include "proto/utf8.hpp"

#include <simdjson.h>

#include <algorithm>

namespace starling::proto {
namespace {

// How many bytes the character has that begins with this one; 1 also for what begins none.
std::size_t length_of(unsigned char lead) {
  if (lead >= 0xf0) return 4;
  if (lead >= 0xe0) return 3;
  return lead >= 0xc0 ? 2 : 1;
}

// Whether valid characters begin with these bytes (fewer than the lead announces). RFC 3629,
// section 4: what a second byte may be depends on the lead.
bool may_become_valid(std::string_view cut) {
  const auto byte = [cut](std::size_t i) { return static_cast<unsigned char>(cut[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0xc2 || lead > 0xf4) return false;
  if (cut.size() < 2) return true;
  unsigned char low = 0x80;
  unsigned char high = 0xbf;
  if (lead == 0xe0) low = 0xa0;
  if (lead == 0xed) high = 0x9f;
  if (lead == 0xf0) low = 0x90;
  if (lead == 0xf4) high = 0x8f;
  if (byte(1) < low || byte(1) > high) return false;
  return cut.size() < 3 || (byte(2) >= 0x80 && byte(2) <= 0xbf);
}

// The size of an unfinished character at the end.
std::size_t unfinished(std::string_view piece) {
  for (std::size_t back = 1; back <= std::min<std::size_t>(3, piece.size()); ++back) {
    const auto byte = static_cast<unsigned char>(piece[piece.size() - back]);
    if (byte >= 0xc0) return length_of(byte) > back ? back : 0;
    if (byte < 0x80) return 0;
  }
  return 0;
}

}  // namespace

bool Utf8Check::take(std::string_view piece) {
  while (size_ > 0 && !piece.empty()) {
    cut_[size_++] = piece.front();
    piece.remove_prefix(1);
    const std::size_t whole = length_of(static_cast<unsigned char>(cut_[0]));
    if (size_ < whole) {
      if (!may_become_valid({cut_.data(), size_})) return false;
      continue;
    }
    if (!simdjson::validate_utf8(cut_.data(), size_)) return false;
    size_ = 0;
  }
  if (piece.empty()) return true;
  const std::size_t cut = unfinished(piece);
  if (!simdjson::validate_utf8(piece.data(), piece.size() - cut)) return false;
  if (cut == 0) return true;
  piece.copy(cut_.data(), cut, piece.size() - cut);
  size_ = cut;
  return may_become_valid({cut_.data(), size_});
}

}  // namespace starling::proto
