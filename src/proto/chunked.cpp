#include "proto/chunked.hpp"

#include <algorithm>

#include "proto/tokens.hpp"

namespace starling::proto {
namespace {

// How many bytes of sizes, extensions and trailers may come on top of the data: without a bound a
// peer keeps a server reading and gives it nothing.
constexpr std::size_t free_between_bytes = 16 * 1024;
constexpr std::size_t between_bytes_per_byte = 8;

}  // namespace

std::size_t ChunkedBody::take(std::string_view bytes, std::string& body) {
  std::size_t at = 0;
  while (at < bytes.size() && state_ == State::reading) {
    if (part_ == Part::data) {
      const std::string_view piece = bytes.substr(at, left_);
      body += piece;
      at += piece.size();
      data_bytes_ += piece.size();
      left_ -= piece.size();
      if (left_ == 0) part_ = Part::data_end;
      continue;
    }
    const char byte = bytes[at++];
    if (++between_bytes_ > free_between_bytes + between_bytes_per_byte * data_bytes_) {
      state_ = State::wasteful;
    } else if (after_cr_) {
      after_cr_ = false;
      require(byte == '\n');
      if (state_ == State::reading) end_line();
    } else if (byte == '\r') {
      after_cr_ = true;
    } else {
      take_line_byte(byte);
      ++line_bytes_;
    }
  }
  return at;
}

void ChunkedBody::take_line_byte(char byte) {
  switch (part_) {
    case Part::size: {
      const int digit = hex_digit(byte);
      if (digit < 0) {
        // Blanks, which section 7.1.1 lets stand here, are read in more ways than one.
        require(byte == ';' && line_bytes_ > 0);
        part_ = Part::extension;
        break;
      }
      left_ = left_ * 16 + static_cast<std::size_t>(digit);
      if (left_ > max_bytes_ - data_bytes_) state_ = State::too_large;
      break;
    }
    case Part::extension:
      require(is_field_char(byte));
      break;
    case Part::data:
    case Part::data_end:
      require(false);
      break;
    case Part::trailer:
      if (after_colon_) {
        require(is_field_char(byte));
      } else if (byte == ':') {
        require(line_bytes_ > 0);
        after_colon_ = true;
      } else {
        require(is_token_char(byte));
      }
      break;
  }
}

void ChunkedBody::end_line() {
  switch (part_) {
    case Part::size:
    case Part::extension:
      require(line_bytes_ > 0);
      part_ = left_ == 0 ? Part::trailer : Part::data;
      break;
    case Part::data:
    case Part::data_end:
      part_ = Part::size;
      break;
    case Part::trailer:
      if (line_bytes_ == 0) {
        state_ = State::complete;
      } else {
        require(after_colon_);
      }
      break;
  }
  line_bytes_ = 0;
  after_colon_ = false;
}

}  // namespace starling::proto
