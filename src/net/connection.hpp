// Connection: one client's socket and its life.
//
//   http ──upgrade──► websocket ──► flushing ──► lingering ──► shut ──(nothing in flight)──► closed
//     │                    └──────────── error, time-out ───────▲
//     └──────── last response, bad request, end of stream ──────┘
//
// Where the peer is a proxy that says whom it speaks for, the stream begins with a PROXY header,
// and what follows is as if the client had connected itself.
//
// Bytes in: provided buffers of the ring are parsed in place; a tail is carried over only while a
// request or a frame is incomplete. Bytes out: one send in flight, made of segments of shared
// chunks: first what is for this client alone, then ranges of room buffers, which the owner
// supplies. Closing is one ladder: the last bytes are flushed (if the peer reads), our direction is
// shut so that the peer sees the end and not a reset, both are shut, what is in flight completes,
// the descriptor is closed, the owner forgets it.
//
// Lives on its shard's thread. Knows sockets and protocols; nothing of rooms or users. Its
// functions stand in connection.cpp (its life, what it says, deadlines, the ladder),
// connection_receive.cpp and connection_send.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/chunk.hpp"
#include "base/slot_map.hpp"
#include "base/time.hpp"
#include "io/ring.hpp"
#include "net/ending.hpp"
#include "proto/http.hpp"
#include "proto/proxy_header.hpp"
#include "proto/websocket.hpp"

namespace starling::net {

inline constexpr std::size_t max_segments_per_send = 64;
inline constexpr std::size_t max_bytes_per_send = 64 * 1024;
inline constexpr std::size_t closes_per_turn = 64;

// A range of a chunk, kept alive until it was sent.
struct Segment {
  base::ChunkRef chunk;
  std::uint32_t offset = 0;
  std::uint32_t size = 0;
};

// Numbers of one shard's connections, added to by their thread only.
struct ConnectionMetrics {
  std::uint64_t opened = 0;
  std::uint64_t closed = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t sends = 0;
  std::uint64_t requests = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t starved_receives = 0;  // -ENOBUFS
  std::uint64_t proxy_headers_refused = 0;
  EndingCounts ended{};
};

struct ConnectionLimits {
  base::Duration head_timeout{};
  base::Duration body_timeout{};
  unsigned body_bytes_per_second = 0;  // on average, once it is judged; 0: any pace
  base::Duration idle_timeout{};
  base::Duration send_timeout{};
  base::Duration ping_interval{};
  std::size_t max_body_bytes = 0;
  std::size_t private_buffer_bytes = 0;
  proto::MessageLimits messages;
};

class Connection;

// Who a connection belongs to; called on the shard's thread from within Connection's functions.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  // The PROXY header that expect_proxy_header() waits for. The owner may abort() the connection.
  virtual void on_proxy_header(Connection& connection, const proto::ProxyHeader& header) = 0;
  // A whole request. The owner answers with respond(), now or later; the next one is read after.
  virtual void on_request(Connection& connection, proto::HttpRequest& request) = 0;
  // An upgrade was asked for. The owner calls accept_websocket() or respond(), now or later.
  virtual void on_upgrade(Connection& connection, proto::HttpRequest& request) = 0;
  // A whole message. False: the connection reads no further until resume_reading().
  virtual bool on_message(Connection& connection, proto::Opcode kind, std::string_view payload) = 0;
  // A ping, which is answered here, or a pong. The owner may put_off() who sends many.
  virtual void on_control(Connection& connection) = 0;
  // A send has completed and nothing is in flight: the owner calls send_segments() with the ranges
  // that are pending for this connection, or flush() if there are none.
  virtual void on_writable(Connection& connection) = 0;
  // The connection is about to go: the owner forgets sessions and memberships. Called exactly once,
  // at the beginning of the ladder; the connection is erased by the owner after on_closed().
  virtual void on_closing(Connection& connection) = 0;
  virtual void on_closed(Connection& connection) = 0;
};

// What waits to be sent to one client alone, and a send of more than one range; see
// connection_parts.hpp.
struct PrivateBytes;
struct GatheredSend;

// What all connections of a shard share.
struct ConnectionContext {
  ConnectionContext();
  ~ConnectionContext();

  io::Ring* ring = nullptr;
  ConnectionOwner* owner = nullptr;
  base::ChunkBudget* budget = nullptr;
  proto::MessageReaderPool* readers = nullptr;
  const ConnectionLimits* limits = nullptr;
  ConnectionMetrics* metrics = nullptr;
  base::Instant now{};  // of this turn, set by the shard, like the next
  base::WallMs wall = 0;
  bool short_of_memory = false;  // set by the shard: large input that is not whole is not kept

  // Filled by connections, emptied by the owner and the two functions below.
  std::deque<base::Handle> waiting;   // were put off; the owner has them go on, the first one first
  std::vector<Connection*> starved;   // found no receive buffer
  std::vector<Connection*> finished;  // nothing in flight any more: to be closed
  std::vector<std::unique_ptr<GatheredSend>> spare_sends;
};

// Once a turn, after the completions: those that found no receive buffer are armed again.
void rearm_starved(ConnectionContext& context);
// Once a turn, at its end: closes the descriptors of finished connections and calls on_closed(), of
// closes_per_turn at most; each is 2 µs of the kernel's.
void run_deferred(ConnectionContext& context);

class Connection {
 public:
  enum class State : std::uint8_t {
    http,       // reading requests, or waiting for the owner's answer to one
    websocket,  // frames in both directions
    flushing,   // the last bytes are on their way
    lingering,  // all is sent and said to be the end; the peer may finish reading and hang up
    shut,       // waiting for what is in flight
    closed,     // nothing in flight, descriptor closed
  };

  Connection(ConnectionContext& context, base::Handle self, int socket);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Before start(): the stream begins with a PROXY header. Whoever sends something else, or takes
  // longer than head_timeout, is closed without a word: nobody knows who it is.
  void expect_proxy_header();
  void start();  // arms the receive

  // Completions of this connection's operations, from the shard's dispatch.
  void on_received(const io::Completion& completion);
  void on_readable();  // of a poll, whatever it came to: the receive that follows tells
  void on_sent(const io::Completion& completion);

  // What has come, and comes, is not looked at before go_on(): there was enough of it in this turn.
  // A connection also puts itself off, where a message takes longer. It then stands in `waiting`.
  void put_off();
  void go_on();
  bool waits() const { return waiting_; }

  // Time-outs and pings; called about once a second for every connection.
  void tick();

  // ---- HTTP
  void respond(const proto::HttpResponse& response);
  // `limits` outlives the connection. `greeting` is the first message, a text, if it is not empty:
  // it leaves with the response.
  void accept_websocket(const proto::HttpResponse& response, const proto::MessageLimits& limits,
                        std::string_view greeting);

  // ---- WebSocket
  // Puts one frame into the private bytes; false where private_buffer_bytes are waiting already:
  // the connection is then being closed as a slow reader.
  bool send_text(std::string_view payload);
  bool send_frame(proto::Opcode opcode, std::string_view payload);
  // The same for a message that was deflated.
  bool send_deflated(proto::Opcode opcode, std::string_view deflated);
  // Says goodbye with a close frame, then closes.
  void close_websocket(proto::CloseCode code, std::string_view reason);
  void resume_reading();

  // ---- sending
  bool can_send() const;  // no send in flight, not shut
  // How long the send in flight has made no progress; zero where none is.
  base::Duration stuck_for() const;
  bool private_pending() const;  // private bytes wait
  std::size_t private_bytes() const;
  // Starts one send: the private bytes first, then as many of `segments` as fit whole into
  // max_segments_per_send and max_bytes_per_send (a single larger one is sent alone). Returns how
  // many were taken. Requires can_send(); does nothing where there is nothing to send.
  std::size_t send_segments(std::span<const Segment> segments);
  // Starts a send of private bytes if there are any and none is in flight.
  void flush();

  // Closes it if memory is short and it holds a large part of something that is not whole.
  void spare_memory();
  // Closes without a word.
  void abort(Ending why);

  State state() const { return state_; }
  base::Handle handle() const { return self_; }

  void* owner_data = nullptr;  // the owner's session; not touched here

 private:
  friend class FrameSink;
  friend void rearm_starved(ConnectionContext& context);
  friend void run_deferred(ConnectionContext& context);
  struct Http;
  enum class Receiving : std::uint8_t {
    no,      // nothing is in flight
    armed,   // a receive is
    ending,  // it was cancelled, so that the connection can be parked
    parked,  // a poll is: nothing has come for a while
  };

  bool open() const { return state_ == State::http || state_ == State::websocket; }
  bool busy() const;
  void arm_receive();
  void park();
  base::Duration silent_for() const { return context_.now - last_received_; }
  void take_bytes(std::span<const std::byte> bytes);
  std::size_t take_proxy_header(std::span<const std::byte> bytes);
  std::size_t take_http(std::span<const std::byte> bytes);
  std::size_t take_frames(std::span<const std::byte> bytes);
  void on_request_state();
  void keep_for_later(std::span<const std::byte> bytes);
  void read_carry();
  void leave_at_end();
  void append_private(std::string_view bytes);
  bool has_room_for_reply();
  void write_due_pong();
  void finish_send();
  void tick_http(Http& http);
  void tick_websocket();
  void respond(const proto::HttpResponse& response, Ending if_last);
  void give_up_request(proto::HttpResponse&& response, Ending why);
  void close_websocket(proto::CloseCode code, std::string_view reason, Ending why);
  void shut();
  void begin_closing(State first, Ending why);
  void climb_down();

  ConnectionContext& context_;
  base::Handle self_;
  int socket_;
  State state_ = State::http;
  Receiving receiving_ = Receiving::no;
  bool send_in_flight_ = false;
  bool at_end_ = false;                 // the peer will send nothing more
  bool paused_ = false;                 // the owner wants no further message now
  bool waiting_ = false;                // is put off
  bool taking_ = false;                 // inside of take_bytes()
  bool ping_open_ = false;              // a ping was sent and nothing has come since
  bool finished_ = false;               // is in context_.finished
  std::unique_ptr<Http> http_;          // while it speaks HTTP
  std::unique_ptr<std::string> carry_;  // bytes that came while nobody wanted them
  std::unique_ptr<PrivateBytes> private_;
  std::unique_ptr<GatheredSend> gathered_;  // the send in flight, if it has several ranges
  Segment single_;                          // else: its only range
  proto::MessageReader reader_;
  const proto::MessageLimits* message_limits_ = nullptr;
  base::Instant last_received_{};
  base::Instant since_{};  // of the current send, or of the current step of closing
};

// An idle WebSocket owns this and no more.
static_assert(sizeof(Connection) <= 120);

}  // namespace starling::net
