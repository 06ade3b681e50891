#include "net/connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/check.hpp"

namespace starling::net {
namespace {

using std::chrono::seconds;

constexpr std::size_t spared_input_bytes = 16 * 1024;  // kept also where memory is short
constexpr std::size_t max_carry_bytes = 64 * 1024;     // then the kernel keeps the rest
constexpr std::size_t small_chunk_bytes = 1'024;       // for a reply or two
constexpr std::size_t large_chunk_bytes = 16 * 1024;   // when replies pile up
constexpr std::size_t max_spare_sends = 256;
constexpr std::size_t exhausted_divisor = 64;        // of the private bytes that are allowed else
constexpr base::Duration flush_time = seconds{2};    // for the last bytes
constexpr base::Duration linger_time = seconds{2};   // for the peer to hang up
constexpr base::Duration cancel_after = seconds{5};  // a shut socket still has work in flight
constexpr base::Duration body_pace_after = seconds{5};  // a body's pace is judged
constexpr base::Duration pong_grace = seconds{10};
constexpr base::Duration park_after = seconds{5};  // of silence
constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

struct PrivateBytes {
  std::vector<Segment> segments;
  std::size_t bytes = 0;
  // The answer to the latest ping; one is enough however many came (RFC 6455, section 5.5.3).
  std::string pong;
  bool pong_due = false;
};

struct GatheredSend {
  std::array<Segment, max_segments_per_send> segments;
  std::array<iovec, max_segments_per_send> ranges;
  msghdr message{};
};

struct Connection::Http {
  explicit Http(std::size_t max_body_bytes) : reader(max_body_bytes) {}

  std::unique_ptr<proto::ProxyHeaderReader> proxy_header;  // until it is whole
  proto::HttpReader reader;
  bool answering = false;  // the owner has the request
  bool head_only = false;
  base::Instant since{};  // the request's first byte, or its body's, or the wait for a PROXY header
  bool in_body = false;
  std::size_t body_bytes = 0;  // of what came behind the receive that brought the head

  // Whether a body comes more slowly than it must.
  bool dribbles(unsigned bytes_per_second, base::Duration elapsed) const {
    if (!in_body || elapsed < body_pace_after) return false;
    const double wanted = bytes_per_second * std::chrono::duration<double>(elapsed).count();
    return static_cast<double>(body_bytes) < wanted;
  }
};

ConnectionContext::ConnectionContext() = default;
ConnectionContext::~ConnectionContext() = default;

void rearm_starved(ConnectionContext& context) {
  for (Connection* connection : std::exchange(context.starved, {})) {
    if (connection->state_ < Connection::State::shut) connection->arm_receive();
  }
}

void run_deferred(ConnectionContext& context) {
  for (Connection* connection : std::exchange(context.finished, {})) {
    context.ring->close(std::exchange(connection->socket_, -1));
    connection->state_ = Connection::State::closed;
    ++context.metrics->closed;
    context.owner->on_closed(*connection);
  }
}

Connection::Connection(ConnectionContext& context, base::Handle self, int socket)
    : context_(context),
      self_(self),
      socket_(socket),
      http_(std::make_unique<Http>(context.limits->max_body_bytes)),
      last_received_(context.now) {
  ++context_.metrics->opened;
}

Connection::~Connection() {
  if (socket_ >= 0) context_.ring->close(socket_);  // the shard ends with connections open
}

void Connection::expect_proxy_header() {
  http_->proxy_header = std::make_unique<proto::ProxyHeaderReader>();
  http_->since = context_.now;
}

void Connection::start() { arm_receive(); }

// ---- receiving -------------------------------------------------------------------------------

void Connection::arm_receive() {
  if (receiving_ != Receiving::no || at_end_) return;
  context_.ring->receive(socket_, {io::Operation::receive, self_});
  receiving_ = Receiving::armed;
}

// A receive that waits costs the kernel some 600 bytes more than a poll does.
void Connection::park() {
  context_.ring->poll(socket_, {io::Operation::poll, self_});
  receiving_ = Receiving::parked;
}

void Connection::on_readable() {
  receiving_ = Receiving::no;
  if (state_ < State::shut) arm_receive();
  climb_down();
}

void Connection::on_received(const io::Completion& completion) {
  const bool to_be_parked = receiving_ == Receiving::ending;
  if (!completion.armed) receiving_ = Receiving::no;
  if (completion.result > 0) {
    last_received_ = context_.now;
    ping_open_ = false;
    context_.metrics->bytes_received += static_cast<std::uint64_t>(completion.result);
    take_bytes(completion.bytes);
    spare_memory();
  }
  if (completion.has_buffer) context_.ring->release(completion.buffer);

  if (completion.result == 0) {
    at_end_ = true;
    leave_at_end();
  } else if (completion.result == -ENOBUFS) {
    ++context_.metrics->starved_receives;
    context_.starved.push_back(this);
  } else if (completion.result < 0 && completion.result != -ECANCELED) {
    at_end_ = true;
    abort();
  } else if (receiving_ == Receiving::no && !carry_ && state_ < State::shut) {
    if (to_be_parked && state_ == State::websocket && silent_for() >= park_after) {
      park();
    } else {
      arm_receive();  // it ended without a reason of ours, or is wanted again since
    }
  }
  climb_down();
}

// A client may close its own direction behind its requests: it gets all of its answers.
void Connection::leave_at_end() {
  if (!at_end_ || !open()) return;
  const bool http = state_ == State::http;
  if (http && (http_->answering || carry_)) return;
  if (http && (send_in_flight_ || private_pending())) {
    begin_closing(State::flushing);
  } else {
    abort();
  }
}

// No further request is read now: one is being answered, or the answers wait unread.
bool Connection::busy() const {
  return state_ == State::http &&
         (http_->answering || private_bytes() >= context_.limits->private_buffer_bytes / 2);
}

// Bytes go where the state says; what nobody wants yet is kept.
void Connection::take_bytes(std::span<const std::byte> bytes) {
  if (carry_ || taking_) {
    if (open()) keep_for_later(bytes);
    return;
  }
  taking_ = true;
  while (open() && !bytes.empty() && !busy()) {
    const std::size_t taken = state_ == State::websocket ? take_frames(bytes)
                              : http_->proxy_header      ? take_proxy_header(bytes)
                                                         : take_http(bytes);
    bytes = bytes.subspan(taken);
    if (paused_) break;
  }
  taking_ = false;
  if (open() && (paused_ || !bytes.empty())) keep_for_later(bytes);
}

void Connection::keep_for_later(std::span<const std::byte> bytes) {
  if (!carry_) carry_ = std::make_unique<std::string>();
  carry_->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (carry_->size() > max_carry_bytes && receiving_ != Receiving::no) {
    context_.ring->cancel({io::Operation::receive, self_});
  }
}

// Goes on with what was kept, then with the socket.
void Connection::read_carry() {
  if (!carry_ || taking_ || busy()) return;
  const std::unique_ptr<std::string> bytes = std::move(carry_);
  const auto span = std::as_bytes(std::span{*bytes});
  if (span.empty() && state_ == State::websocket) {
    taking_ = true;
    static_cast<void>(take_frames({}));  // the reader may hold whole messages
    taking_ = false;
    if (open() && paused_) keep_for_later({});
  } else {
    take_bytes(span);
  }
  if (!carry_ && open()) arm_receive();
}

// ---- HTTP ------------------------------------------------------------------------------------

std::size_t Connection::take_proxy_header(std::span<const std::byte> bytes) {
  using Reading = proto::ProxyHeaderReader::State;
  proto::ProxyHeaderReader& reader = *http_->proxy_header;
  const std::size_t taken = reader.feed(bytes);
  if (reader.state() == Reading::malformed) {
    ++context_.metrics->proxy_headers_refused;
    abort();
  } else if (reader.state() == Reading::complete) {
    const auto whole = std::move(http_->proxy_header);
    context_.owner->on_proxy_header(*this, whole->header());
  }
  return taken;
}

std::size_t Connection::take_http(std::span<const std::byte> bytes) {
  Http& http = *http_;
  const bool begun = http.reader.begun();
  const std::size_t taken = http.reader.feed(bytes);
  if (http.in_body) http.body_bytes += taken;
  if (!begun && http.reader.begun()) {
    http.since = context_.now;
    http.in_body = false;
  }
  on_request_state();
  return taken;
}

void Connection::on_request_state() {
  using Reading = proto::HttpReader::State;
  Http& http = *http_;
  switch (http.reader.state()) {
    case Reading::head:
      return;
    case Reading::body:
      if (!std::exchange(http.in_body, true)) {
        http.since = context_.now;
        http.body_bytes = 0;
      }
      if (http.reader.wants_continue()) {
        append_private(continue_response);
        flush();
      }
      return;
    case Reading::refused: {
      http.answering = true;
      http.head_only = http.reader.refused_head();
      proto::HttpResponse response = proto::problem(
          http.reader.status(), http.reader.status() == 413 ? "too_large" : "bad_request",
          http.reader.reason());
      response.close = true;
      respond(response);
      return;
    }
    case Reading::complete:
      break;
  }
  ++context_.metrics->requests;
  http.answering = true;
  proto::HttpRequest& request = http.reader.request();
  http.head_only = request.method == proto::Method::head;
  if (request.upgrade) {
    context_.owner->on_upgrade(*this, request);
  } else {
    context_.owner->on_request(*this, request);
  }
}

void Connection::respond(const proto::HttpResponse& response) {
  if (state_ != State::http) return;  // the client has gone meanwhile
  Http& http = *http_;
  CHECK(http.answering);
  const bool complete = http.reader.state() == proto::HttpReader::State::complete;
  const bool keep_alive = complete && http.reader.request().keep_alive && !response.close;
  std::string text;
  proto::append_response(text, response, context_.wall, keep_alive, http.head_only);
  append_private(text);
  if (!keep_alive) {
    begin_closing(State::flushing);
    return;
  }
  http.answering = false;
  http.reader.next();
  last_received_ = context_.now;  // the idle time begins
  flush();                        // whose end also looks whether this was the last answer
  read_carry();
}

void Connection::accept_websocket(const proto::HttpResponse& response,
                                  const proto::MessageLimits& limits, std::string_view greeting) {
  if (state_ != State::http) return;
  CHECK(http_->answering);
  std::string text;
  proto::append_response(text, response, context_.wall, true, false);
  if (!greeting.empty()) proto::append_frame(text, proto::Opcode::text, greeting);
  append_private(text);
  http_.reset();
  state_ = State::websocket;
  message_limits_ = &limits;
  flush();
  read_carry();
}

// ---- WebSocket -------------------------------------------------------------------------------

// Translates what a reader finds into calls of one connection.
class FrameSink final : public proto::MessageSink {
 public:
  explicit FrameSink(Connection& connection) : connection_(connection) {}

  bool on_message(proto::Opcode kind, std::string_view payload) override {
    ++connection_.context_.metrics->messages_received;
    connection_.paused_ = !connection_.context_.owner->on_message(connection_, kind, payload);
    return !connection_.paused_ && connection_.state_ == Connection::State::websocket;
  }
  void on_ping(std::string_view payload) override {
    if (connection_.state_ != Connection::State::websocket) return;
    if (!connection_.private_) connection_.private_ = std::make_unique<PrivateBytes>();
    connection_.private_->pong = payload;
    connection_.private_->pong_due = true;
    connection_.flush();
  }
  void on_pong(std::string_view) override {}
  void on_close(proto::CloseCode code, std::string_view) override {
    connection_.close_websocket(code, {});  // the peer's code goes back (section 5.5.1)
  }

 private:
  Connection& connection_;
};

std::size_t Connection::take_frames(std::span<const std::byte> bytes) {
  FrameSink sink{*this};
  const proto::MessageReader::Outcome outcome =
      reader_.feed(bytes, *message_limits_, *context_.readers, sink);
  if (outcome.failure != proto::CloseCode::no_status) {
    close_websocket(outcome.failure, outcome.reason);
  }
  return outcome.consumed;
}

bool Connection::send_text(std::string_view payload) {
  return send_frame(proto::Opcode::text, payload);
}

bool Connection::send_frame(proto::Opcode opcode, std::string_view payload) {
  if (!has_room_for_reply()) return false;
  std::string frame;
  frame.reserve(payload.size() + proto::max_server_header_bytes);
  proto::append_frame(frame, opcode, payload);
  append_private(frame);
  return true;
}

bool Connection::send_deflated(proto::Opcode opcode, std::string_view deflated) {
  if (!has_room_for_reply()) return false;
  std::string frame;
  frame.reserve(deflated.size() + proto::max_server_header_bytes);
  proto::append_deflated_frame(frame, opcode, deflated);
  append_private(frame);
  return true;
}

// Whether a reply may be put into the private bytes; if it may not, the connection is being closed.
bool Connection::has_room_for_reply() {
  if (state_ != State::websocket) return false;
  // Where the shard has nothing left, who does not read what waits already goes first.
  const std::size_t usual = context_.limits->private_buffer_bytes;
  const std::size_t allowed = context_.budget->exhausted() ? usual / exhausted_divisor : usual;
  if (private_bytes() >= allowed) {
    close_websocket(proto::CloseCode::slow_reader, "too slow a reader");
    return false;
  }
  write_due_pong();
  return true;
}

// The answer to a ping stands before whatever is said later, and never behind a goodbye.
void Connection::write_due_pong() {
  if (!private_ || !private_->pong_due) return;
  private_->pong_due = false;
  std::string frame;
  proto::append_frame(frame, proto::Opcode::pong, private_->pong);
  append_private(frame);
}

void Connection::close_websocket(proto::CloseCode code, std::string_view reason) {
  if (state_ != State::websocket) return;
  write_due_pong();
  std::string frame;
  proto::append_close_frame(frame, code, reason);
  append_private(frame);
  begin_closing(State::flushing);
}

void Connection::resume_reading() {
  if (!std::exchange(paused_, false) || !open()) return;
  read_carry();
}

// ---- sending ---------------------------------------------------------------------------------

bool Connection::can_send() const { return !send_in_flight_ && state_ < State::lingering; }

base::Duration Connection::stuck_for() const {
  return send_in_flight_ ? context_.now - since_ : base::Duration::zero();
}

bool Connection::private_pending() const {
  return private_ && (private_->bytes > 0 || private_->pong_due);
}

std::size_t Connection::private_bytes() const { return private_ ? private_->bytes : 0; }

void Connection::append_private(std::string_view bytes) {
  if (!private_) private_ = std::make_unique<PrivateBytes>();
  PrivateBytes& waiting = *private_;
  if (waiting.segments.empty() || waiting.segments.back().chunk.room() < bytes.size()) {
    const std::size_t usual = waiting.segments.empty() ? small_chunk_bytes : large_chunk_bytes;
    waiting.segments.push_back(
        {base::ChunkRef::allocate(*context_.budget, std::max(usual, bytes.size())), 0, 0});
  }
  Segment& last = waiting.segments.back();
  last.chunk.append(std::as_bytes(std::span{bytes}));
  last.size += static_cast<std::uint32_t>(bytes.size());
  waiting.bytes += bytes.size();
}

void Connection::flush() {
  if (can_send() && private_pending()) send_segments({});
}

std::size_t Connection::send_segments(std::span<const Segment> segments) {
  CHECK(can_send());
  write_due_pong();
  const std::size_t waiting = private_ ? private_->segments.size() : 0;
  if (waiting + segments.size() == 0) return 0;
  send_in_flight_ = true;
  since_ = context_.now;
  ++context_.metrics->sends;
  const io::Token token{io::Operation::send, self_};

  if (waiting + segments.size() == 1) {  // the way of nearly every delivery
    if (waiting == 1) {
      single_ = std::move(private_->segments.front());
    } else {
      single_ = segments.front();
    }
    private_.reset();
    context_.ring->send(socket_, {single_.chunk.data() + single_.offset, single_.size}, token);
    return segments.size();
  }

  if (context_.spare_sends.empty()) {
    gathered_ = std::make_unique<GatheredSend>();
  } else {
    gathered_ = std::move(context_.spare_sends.back());
    context_.spare_sends.pop_back();
  }
  std::size_t count = 0;
  std::size_t bytes = 0;
  const auto take = [&](const Segment& segment) {
    if (count == max_segments_per_send) return false;
    if (count > 0 && bytes + segment.size > max_bytes_per_send) return false;
    gathered_->segments[count] = segment;
    gathered_->ranges[count] = {const_cast<std::byte*>(segment.chunk.data()) + segment.offset,
                                segment.size};
    bytes += segment.size;
    ++count;
    return true;
  };
  std::size_t from_private = 0;
  while (from_private < waiting && take(private_->segments[from_private])) ++from_private;
  std::size_t from_segments = 0;
  if (from_private == waiting) {
    private_.reset();
    while (from_segments < segments.size() && take(segments[from_segments])) ++from_segments;
  } else {
    private_->bytes -= bytes;
    auto& left = private_->segments;
    left.erase(left.begin(), left.begin() + static_cast<std::ptrdiff_t>(from_private));
  }
  gathered_->message = {};
  gathered_->message.msg_iov = gathered_->ranges.data();
  gathered_->message.msg_iovlen = count;
  context_.ring->send_gather(socket_, &gathered_->message, token);
  return from_segments;
}

void Connection::on_sent(const io::Completion& completion) {
  CHECK(send_in_flight_);
  if (completion.result <= 0) {
    finish_send();
    abort();
    climb_down();
    return;
  }
  auto sent = static_cast<std::size_t>(completion.result);
  context_.metrics->bytes_sent += sent;
  const io::Token token{io::Operation::send, self_};
  if (!gathered_) {
    single_.offset += static_cast<std::uint32_t>(sent);
    single_.size -= static_cast<std::uint32_t>(sent);
    if (single_.size > 0 && state_ < State::shut) {
      since_ = context_.now;
      context_.ring->send(socket_, {single_.chunk.data() + single_.offset, single_.size}, token);
      return;
    }
  } else {
    msghdr& message = gathered_->message;
    while (message.msg_iovlen > 0 && sent >= message.msg_iov->iov_len) {
      sent -= message.msg_iov->iov_len;
      ++message.msg_iov;
      --message.msg_iovlen;
    }
    if (message.msg_iovlen > 0 && state_ < State::shut) {
      message.msg_iov->iov_base = static_cast<char*>(message.msg_iov->iov_base) + sent;
      message.msg_iov->iov_len -= sent;
      since_ = context_.now;
      context_.ring->send_gather(socket_, &message, token);
      return;
    }
  }
  finish_send();
  if (open()) context_.owner->on_writable(*this);
  if (state_ == State::http) {
    read_carry();  // requests that waited until answers were read
    leave_at_end();
  }
  climb_down();
}

void Connection::finish_send() {
  send_in_flight_ = false;
  single_ = {};
  if (!gathered_) return;
  for (Segment& segment : gathered_->segments) segment = {};
  if (context_.spare_sends.size() < max_spare_sends) {
    context_.spare_sends.push_back(std::move(gathered_));
  }
  gathered_.reset();
}

// ---- time ------------------------------------------------------------------------------------

void Connection::tick() {
  spare_memory();
  if (state_ < State::shut && send_in_flight_ &&
      context_.now - since_ >= context_.limits->send_timeout) {
    ++context_.metrics->timeouts;
    abort();
  }
  switch (state_) {
    case State::http:
      tick_http(*http_);
      break;
    case State::websocket:
      tick_websocket();
      break;
    case State::flushing:
    case State::lingering:
    case State::shut:
      climb_down();
      break;
    case State::closed:
      break;
  }
}

void Connection::tick_http(Http& http) {
  if (http.answering) return;
  if (http.proxy_header) {
    if (context_.now - http.since < context_.limits->head_timeout) return;
    ++context_.metrics->timeouts;
    abort();
    return;
  }
  if (!http.reader.begun()) {
    const bool idle = !send_in_flight_ && !carry_;
    if (idle && context_.now - last_received_ >= context_.limits->idle_timeout) abort();
    return;
  }
  const base::Duration allowed =
      http.in_body ? context_.limits->body_timeout : context_.limits->head_timeout;
  const base::Duration elapsed = context_.now - http.since;
  if (elapsed < allowed && !http.dribbles(context_.limits->body_bytes_per_second, elapsed)) return;
  ++context_.metrics->timeouts;
  http.answering = true;
  http.head_only = false;
  proto::HttpResponse response =
      proto::problem(408, "bad_request", "The request did not arrive in time");
  response.close = true;
  respond(response);
}

void Connection::tick_websocket() {
  const base::Duration silent = silent_for();
  if (silent >= park_after && receiving_ == Receiving::armed) {
    context_.ring->cancel({io::Operation::receive, self_});
    receiving_ = Receiving::ending;
  }
  const base::Duration interval = context_.limits->ping_interval;
  if (silent >= 2 * interval + pong_grace && !paused_) {
    ++context_.metrics->timeouts;
    abort();
  } else if (silent >= interval && !ping_open_) {
    ping_open_ = true;
    if (send_frame(proto::Opcode::ping, {})) flush();
  }
}

// Whoever has sent a part of something large comes again with it when there is memory.
void Connection::spare_memory() {
  if (!context_.short_of_memory || !open()) return;
  if (state_ == State::websocket) {
    if (reader_.held_bytes() < spared_input_bytes) return;
    close_websocket(proto::CloseCode::try_again_later, "short of memory");
    reader_ = {};
    return;
  }
  if (http_->answering || !http_->in_body || http_->body_bytes < spared_input_bytes) return;
  http_->answering = true;
  http_->head_only = false;
  proto::HttpResponse response =
      proto::problem(503, "unavailable", "The server is short of memory, try again later");
  response.headers.emplace_back("Retry-After", "2");
  response.close = true;
  respond(response);
  http_.reset();
}

// ---- closing ---------------------------------------------------------------------------------

void Connection::abort() {
  if (state_ < State::shut) begin_closing(State::shut);
}

// The first rung is `flushing` where something is to be said, `shut` otherwise.
void Connection::begin_closing(State first) {
  const bool was_open = open();
  state_ = first;
  if (!send_in_flight_) since_ = context_.now;
  carry_.reset();
  if (first == State::shut) {
    since_ = context_.now;
    private_.reset();
    context_.ring->shutdown(socket_, SHUT_RDWR);
  }
  if (was_open) context_.owner->on_closing(*this);
  climb_down();
}

// Takes every rung that can be taken now; called after completions and by tick().
void Connection::climb_down() {
  const base::Instant now = context_.now;
  if (state_ == State::flushing) {
    flush();
    if (!send_in_flight_) {
      context_.ring->shutdown(socket_, SHUT_WR);
      state_ = State::lingering;
      since_ = now;
      arm_receive();  // also if it was paused: unread bytes would turn the close into a reset
    } else if (now - since_ >= flush_time) {
      begin_closing(State::shut);
      return;
    }
  }
  if (state_ == State::lingering && (at_end_ || now - since_ >= linger_time)) {
    begin_closing(State::shut);
    return;
  }
  if (state_ != State::shut || finished_) return;
  if (receiving_ != Receiving::no || send_in_flight_) {
    if (now - since_ < cancel_after) return;
    since_ = now;
    if (receiving_ == Receiving::parked) context_.ring->cancel({io::Operation::poll, self_});
    if (receiving_ == Receiving::armed || receiving_ == Receiving::ending) {
      context_.ring->cancel({io::Operation::receive, self_});
    }
    if (send_in_flight_) context_.ring->cancel({io::Operation::send, self_});
    return;
  }
  finished_ = true;
  http_.reset();
  reader_ = {};
  context_.finished.push_back(this);
}

}  // namespace starling::net
