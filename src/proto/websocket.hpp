// WebSocket frames (RFC 6455, section 5) as pure functions over bytes.
//
// What clients send is read by wslay's frame layer, whose contexts (4 KB each) are borrowed from a
// pool of the shard only while a message is incomplete, so an idle connection owns none. The rules
// which that layer does not check are checked here: masking, reserved bits, opcodes, the order of
// fragments, the form of control frames, close codes, UTF-8 (also across pieces), sizes and counts.
// Compressed messages (deflate.hpp) are collected whole and inflated in slices, one in each feed().
// What the server sends is built once and shared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace starling::proto {

enum class Opcode : std::uint8_t {
  continuation = 0,
  text = 1,
  binary = 2,
  close = 8,
  ping = 9,
  pong = 10
};

// RFC 6455, section 7.4.1, and this server's own: after 41xx a client reconnects and resumes, after
// 42xx it reconnects afresh, after 43xx it stays away.
enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  no_status = 1005,  // never on the wire
  invalid_payload = 1007,
  policy = 1008,
  too_big = 1009,
  try_again_later = 1013,
  drain = 4100,
  slow_reader = 4101,
  token_ended = 4200,
  not_authenticated = 4301,
};

// The most that a server frame's header takes.
inline constexpr std::size_t max_server_header_bytes = 10;

// Appends one unmasked final frame.
void append_frame(std::string& out, Opcode opcode, std::string_view payload);
// The payload of a frame that append_frame() made.
std::string_view payload_of(std::string_view frame);
// The same of a message that was deflated: RSV1 is set (RFC 7692, section 6).
void append_deflated_frame(std::string& out, Opcode opcode, std::string_view deflated);
// Appends a close frame; the reason is cut to 123 bytes at a character's boundary.
void append_close_frame(std::string& out, CloseCode code, std::string_view reason);

struct MessageLimits {
  std::size_t message_bytes = 256 * 1024;  // over all fragments
  unsigned fragments = 1'024;              // 0: no limit
  bool binary = false;                     // false: a binary frame is answered with 1003
  bool deflate = false;                    // permessage-deflate was agreed on
};

// Who hears of what was read. The views hold during the call only.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  // A whole message, inflated; text is valid UTF-8. False: read no further now. What is behind this
  // message stays unread, in part inside of the reader: feed() goes on with it, even if given
  // nothing new.
  virtual bool on_message(Opcode kind, std::string_view payload) = 0;
  // The same holds for these two.
  virtual bool on_ping(std::string_view payload) = 0;
  virtual bool on_pong(std::string_view payload) = 0;
  // The peer's close frame; code no_status if it named none. Nothing is read after it.
  virtual void on_close(CloseCode code, std::string_view reason) = 0;
};

// A shard's supply of reading state. Outlives its readers.
class MessageReaderPool {
 public:
  // Keeps at most `idle_limit` unused ones.
  explicit MessageReaderPool(std::size_t idle_limit = 64);
  ~MessageReaderPool();

 private:
  friend class MessageReader;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// Reads one connection's frames. One pointer while nothing is incomplete.
class MessageReader {
 public:
  struct State;

  MessageReader();
  ~MessageReader();
  MessageReader(MessageReader&&) noexcept;
  MessageReader& operator=(MessageReader&&) noexcept;

  struct Outcome {
    std::size_t consumed = 0;  // all bytes, unless the sink stopped it, or closed or failed
    CloseCode failure = CloseCode::no_status;  // else: fail the connection with this code
    std::string_view reason;                   // static text; with a failure
    bool closed = false;                       // the peer's close frame was read
    bool unfinished = false;  // a message is being inflated: feed() goes on with it
  };
  Outcome feed(std::span<const std::byte> bytes, const MessageLimits& limits,
               MessageReaderPool& pool, MessageSink& sink);

  // Whether a message or a frame has begun and not ended, or unread bytes are held.
  bool incomplete() const { return state_ != nullptr; }
  // What is held of a message that is not whole.
  std::size_t held_bytes() const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace starling::proto
