// HTTP/1.1 as pure functions over bytes: requests in (heads by llhttp), responses out.
//
// RFC 9110 and RFC 9112. A head is collected whole, scanned for what the parser lets pass (NUL,
// bare CR, bare LF, folded lines; the ways of request smuggling), checked against the limits, and
// only then parsed. One request at a time: what follows it in the stream (pipelining, or the first
// WebSocket frames behind an upgrade) is left to the caller.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/time.hpp"

namespace starling::proto {

// Bounds of a request's head; beyond them the answer is 414 (target) or 431 (the rest).
inline constexpr std::size_t max_head_bytes = 16 * 1024;
inline constexpr std::size_t max_target_bytes = 2 * 1024;
inline constexpr std::size_t max_headers = 64;
inline constexpr std::size_t max_header_name_bytes = 64;
inline constexpr std::size_t max_header_value_bytes = 8 * 1024;

enum class Method : std::uint8_t { get, head, post, put, patch, del, options };
std::string_view to_string(Method method);

struct HttpRequest {
  Method method = Method::get;
  std::string target;  // as sent: path and query
  std::string path;    // percent-decoded, valid UTF-8, without NUL
  std::vector<std::pair<std::string, std::string>> query;    // decoded, in order
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case, values trimmed
  std::string body;
  bool keep_alive = true;  // what the client allows; a response may still close
  bool upgrade = false;    // a WebSocket upgrade was asked for (RFC 6455, 4.2.1, items 1 to 4)

  // The first header of that name (lower case); empty if there is none.
  std::string_view header(std::string_view name) const;
  // Whether a header of that name (lower case), a comma-separated list that may stand in several
  // lines (RFC 9110, section 5.3), has that element, whatever its case.
  bool lists(std::string_view name, std::string_view token) const;
  // The first query parameter of that name; nullptr if there is none.
  const std::string* query_value(std::string_view name) const;
};

// Reads one connection's requests. Owned by the connection while it speaks HTTP.
class HttpReader {
 public:
  enum class State : std::uint8_t {
    head,      // nothing, or a part of a head
    body,      // the head is complete, the body is not
    complete,  // request() is whole: answer it, then next()
    refused,   // answer status() and close; nothing after it is read
  };

  explicit HttpReader(std::size_t max_body_bytes);
  ~HttpReader();
  HttpReader(HttpReader&&) noexcept;
  HttpReader& operator=(HttpReader&&) noexcept;

  // Takes bytes up to the end of one request. Returns how many it took; the rest belongs to what
  // comes next. Takes nothing in `complete` and everything in `refused`.
  std::size_t feed(std::span<const std::byte> bytes);

  State state() const;
  // Whether a request has begun: an idle connection may be closed without a word, a begun one
  // gets 408.
  bool begun() const;
  // True once, when the head with `Expect: 100-continue` is in and the body is not: the caller
  // sends "HTTP/1.1 100 Continue".
  bool wants_continue();
  // In state refused: 400, 405, 411, 413, 414, 417, 431, 501 or 505.
  int status() const;
  // In state refused: whether a HEAD was, whose answer has no body.
  bool refused_head() const;
  // In state refused: one sentence for the problem body.
  std::string_view reason() const;
  // In state complete.
  HttpRequest& request();
  // In state complete: ready for the next request.
  void next();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

struct HttpResponse {
  int status = 200;
  std::string content_type;  // empty: no body
  std::string body;
  std::string_view static_body;  // instead of body: bytes that live as long as the program
  std::vector<std::pair<std::string, std::string>> headers;
  bool close = false;  // end the connection after this one
};

// The reason phrase of RFC 9110, section 15; "Unknown" for a number it does not have.
std::string_view reason_phrase(int status);

// Appends a whole response with Date (RFC 9110, section 6.6.1), Content-Length, and `Connection:
// close` where it closes. `head_only` answers HEAD: the headers of the body without the body.
void append_response(std::string& out, const HttpResponse& response, base::WallMs now,
                     bool keep_alive, bool head_only);

// An RFC 9457 problem body that also carries the original's `error`:
// {"type":"about:blank","title","status","detail","code","error"}.
HttpResponse problem(int status, std::string_view code, std::string_view detail);

}  // namespace starling::proto
