// The parts of a request's head that the parser leaves to its user.
#pragma once

#include <cstddef>
#include <string_view>

#include "proto/http.hpp"

namespace starling::proto {

// Why a request is refused; 0: it is not.
struct Refusal {
  int status = 0;
  std::string_view reason;  // static text

  explicit operator bool() const { return status != 0; }
};

// Watches a head for what must never reach a parser (RFC 9112, sections 2.2 and 5.2): NUL, a CR or
// LF that is not part of a CRLF, and folded lines; and for its bounds. The verdict does not depend
// on how the bytes are cut into pieces.
class HeadScanner {
 public:
  // Takes bytes up to the end of the head (an empty line) or to what it is refused for, and returns
  // how many. Not to be called behind either.
  std::size_t take(std::string_view bytes);
  bool complete() const { return complete_; }
  const Refusal& refusal() const { return refusal_; }
  // Empty lines before the request line are no part of the head (RFC 9112, section 2.2).
  bool begun() const { return begun_; }

 private:
  void take_text(std::string_view text);
  void take_mark(char mark);
  void end_line();

  Refusal refusal_;
  std::size_t size_ = 0;
  std::size_t line_size_ = 0;  // of the current line, without its CRLF
  std::size_t blank_lines_ = 0;
  bool after_return_ = false;  // the last byte was a CR
  bool begun_ = false;
  bool complete_ = false;
  bool first_line_ = true;
};

// Checks the request line by itself, so that an unknown method is told from a malformed one (501,
// 400) and an unknown version from both (505).
Refusal check_request_line(std::string_view head);

// Splits the target into path and query, decoded. Refuses what is no path (RFC 9112, section 3.2).
Refusal decode_target(HttpRequest& request);

// The rules on Host, Transfer-Encoding, Content-Length and Expect that go beyond the grammar.
struct HeadFacts {
  bool http_1_1 = true;
  std::size_t max_body_bytes = 0;
};
// Where the body ends (RFC 9112, section 6.3).
struct BodyPlan {
  bool is_chunked = false;
  std::size_t length = 0;  // unless it is chunked
};
Refusal check_headers(const HttpRequest& request, const HeadFacts& facts, BodyPlan& plan);

}  // namespace starling::proto
