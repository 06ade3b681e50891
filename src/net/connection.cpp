// The life of a connection: answers and goodbyes, deadlines, and the ladder of closing.
#include "net/connection.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.hpp"
#include "net/connection_parts.hpp"

namespace starling::net {
namespace {

using std::chrono::seconds;

constexpr std::size_t spared_input_bytes = 16 * 1024;  // kept also where memory is short
constexpr std::size_t exhausted_divisor = 64;          // of the private bytes that are allowed else
constexpr base::Duration flush_time = seconds{2};      // for the last bytes
constexpr base::Duration linger_time = seconds{2};     // for the peer to hang up
constexpr base::Duration cancel_after = seconds{5};    // a shut socket still has work in flight
constexpr base::Duration pong_grace = seconds{10};

}  // namespace

ConnectionContext::ConnectionContext() = default;
ConnectionContext::~ConnectionContext() = default;

void run_deferred(ConnectionContext& context) {
  std::vector<Connection*>& finished = context.finished;
  const auto end =
      finished.begin() + static_cast<std::ptrdiff_t>(std::min(finished.size(), closes_per_turn));
  for (auto place = finished.begin(); place != end; ++place) {
    Connection* const connection = *place;
    context.ring->close(std::exchange(connection->socket_, -1));
    connection->state_ = Connection::State::closed;
    ++context.metrics->closed;
    context.owner->on_closed(*connection);
  }
  finished.erase(finished.begin(), end);
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

// ---- HTTP ------------------------------------------------------------------------------------

void Connection::respond(const proto::HttpResponse& response) {
  respond(response, Ending::answered);
}

void Connection::respond(const proto::HttpResponse& response, Ending if_last) {
  if (state_ != State::http) return;  // the client has gone meanwhile
  Http& http = *http_;
  CHECK(http.answering);
  const bool complete = http.reader.state() == proto::HttpReader::State::complete;
  const bool keep_alive = complete && http.reader.request().keep_alive && !response.close;
  std::string text;
  proto::append_response(text, response, context_.wall, keep_alive, http.head_only);
  append_private(text);
  if (!keep_alive) {
    begin_closing(State::flushing, if_last);
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
  close_websocket(code, reason, ending_of(code));
}

void Connection::close_websocket(proto::CloseCode code, std::string_view reason, Ending why) {
  if (state_ != State::websocket) return;
  write_due_pong();
  std::string frame;
  proto::append_close_frame(frame, code, reason);
  append_private(frame);
  begin_closing(State::flushing, why);
}

// ---- time ------------------------------------------------------------------------------------

void Connection::tick() {
  spare_memory();
  if (state_ < State::shut && send_in_flight_ &&
      context_.now - since_ >= context_.limits->send_timeout) {
    abort(Ending::stalled);
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
    abort(Ending::late);
    return;
  }
  if (!http.reader.begun()) {
    const bool idle = !send_in_flight_ && !carry_;
    if (idle && context_.now - last_received_ >= context_.limits->idle_timeout) {
      abort(Ending::idle);
    }
    return;
  }
  const base::Duration allowed =
      http.in_body ? context_.limits->body_timeout : context_.limits->head_timeout;
  const base::Duration elapsed = context_.now - http.since;
  if (elapsed < allowed && !http.dribbles(context_.limits->body_bytes_per_second, elapsed)) return;
  give_up_request(proto::problem(408, "bad_request", "The request did not arrive in time"),
                  Ending::late);
}

// Answers a request that is not whole.
void Connection::give_up_request(proto::HttpResponse&& response, Ending why) {
  http_->answering = true;
  http_->head_only = false;
  response.close = true;
  respond(response, why);
}

void Connection::tick_websocket() {
  const base::Duration silent = silent_for();
  if (silent >= park_after && receiving_ == Receiving::armed) {
    context_.ring->cancel({io::Operation::receive, self_});
    receiving_ = Receiving::ending;
  }
  const base::Duration interval = context_.limits->ping_interval;
  if (silent >= 2 * interval + pong_grace && !paused_) {
    abort(Ending::silent);
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
  proto::HttpResponse response =
      proto::problem(503, "unavailable", "The server is short of memory, try again later");
  response.headers.emplace_back("Retry-After", "2");
  give_up_request(std::move(response), Ending::try_again_later);
  http_.reset();
}

// ---- closing ---------------------------------------------------------------------------------

void Connection::abort(Ending why) {
  if (state_ < State::shut) begin_closing(State::shut, why);
}

// The first rung is `flushing` where something is to be said, `shut` otherwise.
void Connection::begin_closing(State first, Ending why) {
  const bool was_open = open();
  if (was_open) ++context_.metrics->ended[static_cast<std::size_t>(why)];
  state_ = first;
  if (!send_in_flight_) since_ = context_.now;
  carry_.reset();
  if (first == State::shut) shut();
  if (was_open) context_.owner->on_closing(*this);
  climb_down();
}

void Connection::shut() {
  state_ = State::shut;
  since_ = context_.now;
  private_.reset();
  context_.ring->shutdown(socket_, SHUT_RDWR);
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
      shut();
    }
  }
  if (state_ == State::lingering && (at_end_ || now - since_ >= linger_time)) {
    shut();
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
