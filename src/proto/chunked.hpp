// The chunked coding of a request's body (RFC 9112, section 7.1), read strictly: what one reader
// lets pass and another one does not is how requests are smuggled.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace starling::proto {

class ChunkedBody {
 public:
  enum class State {
    reading,
    complete,
    malformed,
    too_large,  // more data than allowed, or announced
    wasteful,   // hardly any data between the lines
  };

  explicit ChunkedBody(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // Takes bytes up to the end of the body, whose data it appends to `body`. Returns how many it
  // took. The outcome does not depend on how the bytes are cut.
  std::size_t take(std::string_view bytes, std::string& body);
  State state() const { return state_; }

 private:
  enum class Part {
    size,       // of the next chunk, in hexadecimal
    extension,  // behind the size: read past
    data,
    data_end,  // the line's end behind the data
    trailer,   // headers behind the last chunk: read past
  };

  void take_line_byte(char byte);
  void end_line();
  void require(bool holds) {
    if (!holds) state_ = State::malformed;
  }

  const std::size_t max_bytes_;
  State state_ = State::reading;
  Part part_ = Part::size;
  std::size_t left_ = 0;           // of the chunk's data; while its size is read, the size so far
  std::size_t data_bytes_ = 0;     // so far
  std::size_t line_bytes_ = 0;     // of the current line, without its end
  std::size_t between_bytes_ = 0;  // all that is no data
  bool after_cr_ = false;
  bool after_colon_ = false;  // in a trailer: its name has ended
};

}  // namespace starling::proto
