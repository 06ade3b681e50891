// permessage-deflate (RFC 7692), always without context takeover: each message stands alone, so one
// pair of streams serves every connection of a shard, and a connection owns no memory of zlib.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "proto/http.hpp"

namespace starling::proto {

// What was agreed about compression in a handshake.
struct DeflateAgreement {
  // Of the messages that the server sends: it looks back no further than 2^window_bits bytes (8 to
  // 15). 0: nothing was agreed.
  unsigned window_bits = 0;
  std::string response;    // the value of Sec-WebSocket-Extensions; empty: the header is left out
  bool malformed = false;  // the client's header breaks the grammar (RFC 6455, section 9.1)
};

// Takes the first offer of the extension that is valid (RFC 7692, sections 5 and 7.1): every
// parameter is known, has a value that it may have, and stands there once.
DeflateAgreement agree_on_deflate(const HttpRequest& request);

// How many bytes a message of that size may have on the wire: data that cannot be compressed
// becomes longer, and a peer may flush now and then.
constexpr std::size_t max_deflated_bytes(std::size_t message_bytes) {
  return message_bytes + message_bytes / 64 + 64;
}

// Undoes section 7.2.1, a message at a time and in slices: what a few bytes can become is no reason
// for others to wait. Lives on its shard's thread; has 40 KB of zlib's, 16 KB, and what has come
// out.
class Inflater {
 public:
  enum class Result {
    unfinished,  // a slice was done, the next one waits
    whole,       // out() is the message
    too_big,     // more than `max_bytes` would come out; the work ended there
    malformed,   // not the data of a whole message
    not_text,    // not UTF-8, where it must be
  };

  Inflater();
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // `deflated` is the payload of all frames of a message, and stays until the end.
  void begin(std::string_view deflated, std::size_t max_bytes, bool is_text);
  // One slice: 64 KB come out, or 16 KB are read, or it ends.
  Result go_on();
  // Where it is not whole, no more than 16 times the deflated bytes, and 16 KB, unless it is known
  // to fit.
  const std::string& out() const;
  // Forgets the message; a large one gives its memory back.
  void reset();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Lives on its shard's thread; has 260 KB of zlib's from the first use on.
class Deflater {
 public:
  static constexpr std::size_t slice_bytes = 32 * 1024;  // a fifth of a millisecond, of text

  Deflater();
  ~Deflater();
  Deflater(const Deflater&) = delete;
  Deflater& operator=(const Deflater&) = delete;

  // The payload of one frame with RSV1 (section 7.2.1).
  std::string deflate(std::string_view message, unsigned window_bits);

  // The same in slices: begin(), go_on() until it says that it was the last one, take(). The
  // message stays until then.
  void begin(std::string_view message, unsigned window_bits);
  bool go_on();
  std::string take();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace starling::proto
