#include "proto/websocket.hpp"

#include <simdjson.h>
#include <wslay/wslay.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "base/renew.hpp"
#include "proto/deflate.hpp"
#include "proto/utf8.hpp"

namespace starling::proto {
namespace {

constexpr std::size_t max_control_payload = 125;  // section 5.5
constexpr std::size_t kept_bytes = 64 * 1024;     // a larger message does not stay behind
constexpr unsigned rsv1 = 4;                      // as wslay gives the reserved bits

bool is_control(unsigned opcode) { return (opcode & 8u) != 0; }

// Codes that a peer may send (section 7.4, and the IANA registry for 1012 to 1014).
bool valid_close_code(unsigned code) {
  if (code >= 3'000 && code <= 4'999) return true;
  return (code >= 1'000 && code <= 1'003) || (code >= 1'007 && code <= 1'014);
}

void append_header(std::string& out, Opcode opcode, std::size_t size, unsigned reserved = 0) {
  out += static_cast<char>(0x80u | reserved << 4 | static_cast<unsigned>(opcode));
  if (size < 126) {
    out += static_cast<char>(size);
    return;
  }
  const int bytes = size < 65'536 ? 2 : 8;
  out += static_cast<char>(bytes == 2 ? 126 : 127);
  for (int i = bytes - 1; i >= 0; --i) {
    out += static_cast<char>(static_cast<std::uint64_t>(size) >> (8 * i));
  }
}

}  // namespace

void append_frame(std::string& out, Opcode opcode, std::string_view payload) {
  append_header(out, opcode, payload.size());
  out += payload;
}

std::string_view payload_of(std::string_view frame) {
  constexpr unsigned char two_bytes = 126;
  constexpr unsigned char eight_bytes = 127;
  const auto size = static_cast<unsigned char>(frame.at(1));
  return frame.substr(size == two_bytes ? 4 : size == eight_bytes ? max_server_header_bytes : 2);
}

void append_deflated_frame(std::string& out, Opcode opcode, std::string_view deflated) {
  append_header(out, opcode, deflated.size(), rsv1);
  out += deflated;
}

void append_close_frame(std::string& out, CloseCode code, std::string_view reason) {
  constexpr std::size_t max_reason = max_control_payload - 2;
  if (reason.size() > max_reason) {
    std::size_t end = max_reason;  // back to the beginning of a character
    while (end > 0 && (static_cast<unsigned char>(reason[end]) & 0xc0u) == 0x80u) --end;
    reason = reason.substr(0, end);
  }
  if (code == CloseCode::no_status) {
    append_header(out, Opcode::close, 0);
    return;
  }
  append_header(out, Opcode::close, 2 + reason.size());
  out += static_cast<char>(static_cast<unsigned>(code) >> 8);
  out += static_cast<char>(static_cast<unsigned>(code) & 0xffu);
  out += reason;
}

// What is needed while something is incomplete: wslay's frame context, which unmasks, and what has
// come of the message.
struct MessageReader::State {
  State() {
    wslay_frame_callbacks callbacks{};
    callbacks.recv_callback = [](std::uint8_t* into, size_t room, int, void* self) -> ssize_t {
      return static_cast<State*>(self)->give(into, room);
    };
    CHECK(wslay_frame_context_init(&context, &callbacks, this) == 0);  // fails without memory only
  }
  ~State() { wslay_frame_context_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  ssize_t give(std::uint8_t* into, std::size_t room) {
    const std::size_t count = std::min(room, input.size());
    if (count == 0) return -1;  // would block
    std::memcpy(into, input.data(), count);
    input = input.subspan(count);
    given += count;
    return static_cast<ssize_t>(count);
  }

  // Nothing has begun that has not ended, and the context holds nothing back.
  bool idle() const { return !in_frame && !in_message && given == accounted; }

  // What all frames of one feed() have in common. `goes_on` ends it.
  struct Feeding {
    const MessageLimits& limits;
    MessageReaderPool::Impl& pool;
    MessageSink& sink;
    bool goes_on = true;
  };
  Outcome step(Feeding& feeding);
  Outcome begin_frame(const wslay_frame_iocb& frame, const MessageLimits& limits);
  Outcome take_data(const wslay_frame_iocb& frame, std::string_view data, Feeding& feeding);
  Outcome go_on_inflating(Feeding& feeding);
  Outcome end_inflating(Inflater::Result result, Feeding& feeding);
  Outcome end_control(MessageSink& sink, bool& goes_on);
  void reset_message() {
    in_message = false;
    fragments = 0;
    announced = 0;
    // A large message does not stay behind in a pooled state.
    if (message.capacity() > kept_bytes) base::renew(message);
    message.clear();
    utf8 = {};
  }

  wslay_frame_context_ptr context = nullptr;
  std::span<const std::byte> input;  // of the current feed()
  std::uint64_t given = 0;           // bytes that the context has been given
  std::uint64_t accounted = 0;       // bytes of the frames that have ended

  bool in_frame = false;
  std::uint64_t frame_left = 0;  // payload still to come
  Opcode opcode{};               // of the frame
  bool fin = false;

  bool in_message = false;
  Opcode kind{};          // of the message
  bool deflated = false;  // the message
  unsigned fragments = 0;
  std::uint64_t announced = 0;  // payload of the message's frames so far, as their headers say
  std::string message;
  std::unique_ptr<Inflater> inflater;  // while the message is being inflated
  Utf8Check utf8;
  std::array<char, max_control_payload> control{};
  std::size_t control_size = 0;
};

namespace {

MessageReader::Outcome fail(CloseCode code, std::string_view reason) {
  return {0, code, reason, false};
}
MessageReader::Outcome fine() { return {}; }

}  // namespace

struct MessageReaderPool::Impl {
  explicit Impl(std::size_t limit) : idle_limit(limit) {}

  std::size_t idle_limit;
  std::vector<std::unique_ptr<MessageReader::State>> idle;
  std::unique_ptr<Inflater> spare_inflater;
};

MessageReaderPool::MessageReaderPool(std::size_t idle_limit)
    : impl_(std::make_unique<Impl>(idle_limit)) {}
MessageReaderPool::~MessageReaderPool() = default;

MessageReader::MessageReader() = default;
MessageReader::~MessageReader() = default;
MessageReader::MessageReader(MessageReader&&) noexcept = default;
MessageReader& MessageReader::operator=(MessageReader&&) noexcept = default;

MessageReader::Outcome MessageReader::feed(std::span<const std::byte> bytes,
                                           const MessageLimits& limits, MessageReaderPool& pool,
                                           MessageSink& sink) {
  auto& idle = pool.impl_->idle;
  if (!state_) {
    if (bytes.empty()) return {};
    if (idle.empty()) {
      state_ = std::make_unique<State>();
    } else {
      state_ = std::move(idle.back());
      idle.pop_back();
    }
  }
  State& state = *state_;
  state.input = bytes;
  State::Feeding feeding{limits, *pool.impl_, sink};
  Outcome outcome;
  if (state.inflater) outcome = state.go_on_inflating(feeding);
  while (feeding.goes_on) outcome = state.step(feeding);
  outcome.consumed = bytes.size() - state.input.size();
  state.input = {};
  if (outcome.failure != CloseCode::no_status || outcome.closed) {
    state_.reset();
  } else if (state.idle()) {
    if (idle.size() < pool.impl_->idle_limit) idle.push_back(std::move(state_));
    state_.reset();
  }
  return outcome;
}

std::size_t MessageReader::held_bytes() const {
  if (!state_) return 0;
  return state_->message.size() + (state_->inflater ? state_->inflater->out().size() : 0);
}

// Takes one piece of one frame from the context.
MessageReader::Outcome MessageReader::State::step(Feeding& feeding) {
  wslay_frame_iocb frame{};
  const ssize_t result = wslay_frame_recv(context, &frame);
  if (result == WSLAY_ERR_WANT_READ) {
    feeding.goes_on = false;
    return fine();
  }
  if (result < 0) {
    feeding.goes_on = false;
    return fail(CloseCode::protocol_error, "malformed frame");
  }
  if (!in_frame) {
    if (const Outcome wrong = begin_frame(frame, feeding.limits);
        wrong.failure != CloseCode::no_status) {
      feeding.goes_on = false;
      return wrong;
    }
  }
  frame_left -= frame.data_length;
  const std::string_view data{reinterpret_cast<const char*>(frame.data), frame.data_length};
  if (frame_left == 0) {
    const std::uint64_t header = 2 + 4 +
                                 (frame.payload_length < 126      ? 0
                                  : frame.payload_length < 65'536 ? 2
                                                                  : 8);
    accounted += header + frame.payload_length;
    in_frame = false;
  }
  return take_data(frame, data, feeding);
}

MessageReader::Outcome MessageReader::State::begin_frame(const wslay_frame_iocb& frame,
                                                         const MessageLimits& limits) {
  if (!frame.mask) return fail(CloseCode::protocol_error, "unmasked frame");
  // RSV1 marks the first frame of a message that was deflated (RFC 7692, section 6).
  const bool may_be_deflated =
      limits.deflate && (frame.opcode == WSLAY_TEXT_FRAME || frame.opcode == WSLAY_BINARY_FRAME);
  if (frame.rsv != 0 && !(may_be_deflated && frame.rsv == rsv1)) {
    return fail(CloseCode::protocol_error, "reserved bit set");
  }
  in_frame = true;
  frame_left = frame.payload_length;
  opcode = static_cast<Opcode>(frame.opcode);
  fin = frame.fin != 0;
  switch (opcode) {
    case Opcode::close:
    case Opcode::ping:
    case Opcode::pong:
      if (!fin) return fail(CloseCode::protocol_error, "fragmented control frame");
      if (frame.payload_length > max_control_payload) {
        return fail(CloseCode::protocol_error, "control frame too long");
      }
      control_size = 0;
      return fine();
    case Opcode::continuation:
      if (!in_message) return fail(CloseCode::protocol_error, "nothing to continue");
      break;
    case Opcode::text:
    case Opcode::binary:
      if (in_message) return fail(CloseCode::protocol_error, "message inside of a message");
      if (opcode == Opcode::binary && !limits.binary) {
        return fail(CloseCode::unsupported_data, "binary message");
      }
      in_message = true;
      kind = opcode;
      deflated = frame.rsv == rsv1;
      break;
    default:
      return fail(CloseCode::protocol_error, "unknown opcode");
  }
  announced += frame.payload_length;
  const std::size_t allowed =
      deflated ? max_deflated_bytes(limits.message_bytes) : limits.message_bytes;
  if (frame.payload_length > allowed || announced > allowed) {
    return fail(CloseCode::too_big, "message too big");
  }
  if (limits.fragments != 0 && ++fragments > limits.fragments) {
    return fail(CloseCode::policy, "too many fragments");
  }
  return fine();
}

MessageReader::Outcome MessageReader::State::take_data(const wslay_frame_iocb& frame,
                                                       std::string_view data, Feeding& feeding) {
  if (is_control(frame.opcode)) {
    data.copy(control.data() + control_size, data.size());
    control_size += data.size();
    return in_frame ? fine() : end_control(feeding.sink, feeding.goes_on);
  }
  const bool last = !in_frame && fin;
  const bool is_plain_text = kind == Opcode::text && !deflated;
  if (is_plain_text && (!utf8.take(data) || (last && !utf8.complete()))) {
    feeding.goes_on = false;
    return fail(CloseCode::invalid_payload, "not UTF-8");
  }
  if (!last) {
    message += data;
    return fine();
  }
  // A message that came in one piece is handed on from where it was unmasked.
  if (!message.empty()) {
    message += data;
    data = message;
  }
  if (deflated) {
    if (message.empty()) message = data;  // stays until it was inflated
    inflater = std::move(feeding.pool.spare_inflater);
    if (!inflater) inflater = std::make_unique<Inflater>();
    inflater->begin(message, feeding.limits.message_bytes, kind == Opcode::text);
    return go_on_inflating(feeding);
  }
  feeding.goes_on = feeding.sink.on_message(kind, data);
  reset_message();
  return fine();
}

MessageReader::Outcome MessageReader::State::go_on_inflating(Feeding& feeding) {
  const Inflater::Result result = inflater->go_on();
  if (result == Inflater::Result::unfinished) {
    feeding.goes_on = false;
    Outcome outcome;
    outcome.unfinished = true;
    return outcome;
  }
  const Outcome outcome = end_inflating(result, feeding);
  inflater->reset();
  feeding.pool.spare_inflater = std::move(inflater);
  reset_message();
  return outcome;
}

MessageReader::Outcome MessageReader::State::end_inflating(Inflater::Result result,
                                                           Feeding& feeding) {
  using Result = Inflater::Result;
  feeding.goes_on = false;
  if (result == Result::too_big) return fail(CloseCode::too_big, "message too big");
  if (result == Result::malformed) {
    return fail(CloseCode::invalid_payload, "not a deflated message");
  }
  if (result == Result::not_text) return fail(CloseCode::invalid_payload, "not UTF-8");
  feeding.goes_on = feeding.sink.on_message(kind, inflater->out());
  return fine();
}

MessageReader::Outcome MessageReader::State::end_control(MessageSink& sink, bool& goes_on) {
  const std::string_view payload{control.data(), control_size};
  if (opcode == Opcode::ping) {
    goes_on = sink.on_ping(payload);
    return fine();
  }
  if (opcode == Opcode::pong) {
    goes_on = sink.on_pong(payload);
    return fine();
  }
  goes_on = false;
  CloseCode code = CloseCode::no_status;
  std::string_view reason;
  if (!payload.empty()) {
    if (payload.size() == 1) return fail(CloseCode::protocol_error, "close code cut short");
    const auto byte = [payload](std::size_t i) { return static_cast<unsigned char>(payload[i]); };
    const unsigned number = static_cast<unsigned>(byte(0) << 8 | byte(1));
    if (!valid_close_code(number)) return fail(CloseCode::protocol_error, "close code not allowed");
    reason = payload.substr(2);
    if (!simdjson::validate_utf8(reason.data(), reason.size())) {
      return fail(CloseCode::invalid_payload, "not UTF-8");
    }
    code = static_cast<CloseCode>(number);
  }
  sink.on_close(code, reason);
  Outcome outcome;
  outcome.closed = true;
  return outcome;
}

}  // namespace starling::proto
