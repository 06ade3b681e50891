// Receiving: bytes become requests, frames and messages, or wait until somebody wants them.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "net/connection.hpp"
#include "net/connection_parts.hpp"

namespace starling::net {
namespace {

constexpr std::size_t max_carry_bytes = 64 * 1024;    // then the kernel keeps the rest
constexpr std::size_t max_waiting_bytes = 16 * 1024;  // the same, of who is put off
constexpr std::string_view continue_response = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace

void rearm_starved(ConnectionContext& context) {
  for (Connection* connection : std::exchange(context.starved, {})) {
    if (connection->state_ < Connection::State::shut) connection->arm_receive();
  }
}

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
    abort(ending_of_error(completion.result));
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
  if (!at_end_ || !open() || waiting_) return;
  const bool http = state_ == State::http;
  if (http && (http_->answering || carry_)) return;
  if (http && (send_in_flight_ || private_pending())) {
    begin_closing(State::flushing, Ending::client);
  } else {
    abort(Ending::client);
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
    if (paused_ || waiting_) break;
  }
  taking_ = false;
  if (open() && (paused_ || waiting_ || !bytes.empty())) keep_for_later(bytes);
}

void Connection::keep_for_later(std::span<const std::byte> bytes) {
  if (!carry_) carry_ = std::make_unique<std::string>();
  carry_->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const std::size_t most = waiting_ ? max_waiting_bytes : max_carry_bytes;
  if (carry_->size() > most && receiving_ != Receiving::no) {
    context_.ring->cancel({io::Operation::receive, self_});
  }
}

// Goes on with what was kept, then with the socket.
void Connection::read_carry() {
  if (!carry_ || taking_ || waiting_ || busy()) return;
  const std::unique_ptr<std::string> bytes = std::move(carry_);
  const auto span = std::as_bytes(std::span{*bytes});
  if (span.empty() && state_ == State::websocket) {
    taking_ = true;
    static_cast<void>(take_frames({}));  // the reader may hold whole messages
    taking_ = false;
    if (open() && (paused_ || waiting_)) keep_for_later({});
  } else {
    take_bytes(span);
  }
  if (!carry_ && open()) arm_receive();
}

void Connection::put_off() {
  if (waiting_ || !open()) return;
  waiting_ = true;
  context_.waiting.push_back(self_);
  if (!taking_) keep_for_later({});
}

void Connection::go_on() {
  waiting_ = false;
  if (!paused_) read_carry();
  leave_at_end();
  climb_down();
}

void Connection::resume_reading() {
  if (!std::exchange(paused_, false) || !open()) return;
  read_carry();
}

// ---- HTTP ------------------------------------------------------------------------------------

std::size_t Connection::take_proxy_header(std::span<const std::byte> bytes) {
  using Reading = proto::ProxyHeaderReader::State;
  proto::ProxyHeaderReader& reader = *http_->proxy_header;
  const std::size_t taken = reader.feed(bytes);
  if (reader.state() == Reading::malformed) {
    ++context_.metrics->proxy_headers_refused;
    abort(Ending::refused);
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

// ---- WebSocket -------------------------------------------------------------------------------

// Translates what a reader finds into calls of one connection.
class FrameSink final : public proto::MessageSink {
 public:
  explicit FrameSink(Connection& connection) : connection_(connection) {}

  bool on_message(proto::Opcode kind, std::string_view payload) override {
    ++connection_.context_.metrics->messages_received;
    connection_.paused_ = !connection_.context_.owner->on_message(connection_, kind, payload);
    return !connection_.paused_ && !connection_.waiting_ &&
           connection_.state_ == Connection::State::websocket;
  }
  bool on_ping(std::string_view payload) override {
    if (connection_.state_ != Connection::State::websocket) return false;
    if (!connection_.private_) connection_.private_ = std::make_unique<PrivateBytes>();
    connection_.private_->pong = payload;
    connection_.private_->pong_due = true;
    connection_.flush();
    return count_control();
  }
  bool on_pong(std::string_view) override { return count_control(); }
  void on_close(proto::CloseCode code, std::string_view) override {
    // The peer's code goes back (section 5.5.1).
    connection_.close_websocket(code, {}, Ending::client);
  }

 private:
  bool count_control() {
    connection_.context_.owner->on_control(connection_);
    return !connection_.waiting_;
  }

  Connection& connection_;
};

std::size_t Connection::take_frames(std::span<const std::byte> bytes) {
  FrameSink sink{*this};
  const proto::MessageReader::Outcome outcome =
      reader_.feed(bytes, *message_limits_, *context_.readers, sink);
  if (outcome.failure != proto::CloseCode::no_status) {
    close_websocket(outcome.failure, outcome.reason);
  }
  if (outcome.unfinished) put_off();
  return outcome.consumed;
}

}  // namespace starling::net
