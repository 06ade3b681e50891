// One connection over a ring that does nothing by itself: the test says what completes, how, and
// when time passes. The ring checks what src/io/ring.hpp asks of its callers, so every test also
// tests that: one receive and one send in flight, bytes that stay as they are until their
// completion, buffers given back once, and no close while anything is in flight.
#pragma once

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <deque>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../proto/client_frame.hpp"
#include "base/check.hpp"
#include "io/ring.hpp"
#include "net/connection.hpp"

namespace starling::net {

using std::chrono::milliseconds;
using std::chrono::seconds;

inline constexpr int test_socket = 1'000'000;  // no descriptor of this process

class ScriptedRing final : public io::Ring {
 public:
  ScriptedRing() : wake_(std::move(*io::Wake::create())) {}

  void accept(int, io::Token) override { ADD_FAILURE() << "a connection accepts nothing"; }
  void receive(int socket, io::Token token) override {
    EXPECT_EQ(socket, test_socket);
    EXPECT_EQ(token.operation, io::Operation::receive);
    EXPECT_FALSE(receiving || polling) << "a second receive";
    EXPECT_FALSE(closed);
    receiving = true;
    ++receives;
  }
  void poll(int socket, io::Token token) override {
    EXPECT_EQ(socket, test_socket);
    EXPECT_EQ(token.operation, io::Operation::poll);
    EXPECT_FALSE(receiving || polling) << "a poll beside another or a receive";
    EXPECT_FALSE(closed);
    polling = true;
  }
  void send(int socket, std::span<const std::byte> bytes, io::Token token) override {
    iovec range{const_cast<std::byte*>(bytes.data()), bytes.size()};
    begin_send(socket, {&range, 1}, token);
  }
  void send_gather(int socket, const msghdr* message, io::Token token) override {
    begin_send(socket, {message->msg_iov, message->msg_iovlen}, token);
  }
  void cancel(io::Token target) override {
    if (target.operation == io::Operation::receive) ++cancelled_receives;
    if (target.operation == io::Operation::poll) ++cancelled_polls;
    if (target.operation == io::Operation::send) ++cancelled_sends;
  }
  void shutdown(int socket, int how) override {
    EXPECT_EQ(socket, test_socket);
    EXPECT_FALSE(closed);
    shutdowns.push_back(how);
  }
  void close(int socket) override {
    EXPECT_EQ(socket, test_socket);
    EXPECT_FALSE(closed) << "closed twice";
    closed = true;
    if (ends) return;
    EXPECT_FALSE(receiving || polling) << "closed under a receive";
    EXPECT_FALSE(sending) << "closed under a send";
  }
  void release(std::uint16_t buffer) override {
    const auto found = std::find(lent.begin(), lent.end(), buffer);
    ASSERT_NE(found, lent.end()) << "given back twice";
    lent.erase(found);
  }
  std::span<const io::Completion> turn(base::Duration) override { return {}; }
  io::Wake& wake() override { return wake_; }
  std::string description() const override { return "scripted"; }

  // What is in flight, as it was when it was given; empty if no send is.
  const std::string& in_flight() const { return sent_as_; }
  // The send in flight ends after that many bytes.
  std::string finish_send(std::size_t count) {
    CHECK(sending && count <= sent_as_.size());
    EXPECT_EQ(gather(), sent_as_) << "bytes changed under a send";
    sending = false;
    return std::exchange(sent_as_, {}).substr(0, count);
  }

  bool receiving = false;
  bool polling = false;
  bool ends = false;  // the process does, and its ring with it: whatever is in flight
  bool sending = false;
  bool closed = false;
  unsigned receives = 0;
  unsigned sends = 0;
  std::size_t ranges_in_flight = 0;
  unsigned cancelled_receives = 0;
  unsigned cancelled_polls = 0;
  unsigned cancelled_sends = 0;
  std::vector<int> shutdowns;
  std::vector<std::uint16_t> lent;

 private:
  void begin_send(int socket, std::span<const iovec> ranges, io::Token token) {
    EXPECT_EQ(socket, test_socket);
    EXPECT_EQ(token.operation, io::Operation::send);
    EXPECT_FALSE(sending) << "a second send";
    EXPECT_FALSE(closed);
    sending = true;
    ++sends;
    ranges_in_flight = ranges.size();
    ranges_.assign(ranges.begin(), ranges.end());
    sent_as_ = gather();
    EXPECT_FALSE(sent_as_.empty()) << "a send of nothing";
  }
  std::string gather() const {
    std::string all;
    for (const iovec& range : ranges_) {
      all.append(static_cast<const char*>(range.iov_base), range.iov_len);
    }
    return all;
  }

  io::Wake wake_;
  std::vector<iovec> ranges_;
  std::string sent_as_;
};

// Writes down what the connection says, and answers as the test wants.
class RecordingOwner final : public ConnectionOwner {
 public:
  void on_proxy_header(Connection& connection, const proto::ProxyHeader& header) override {
    headers.push_back(header);
    if (unwanted) connection.abort(Ending::refused);
  }
  void on_request(Connection& connection, proto::HttpRequest& request) override {
    requests.push_back(std::string{proto::to_string(request.method)} + " " + request.target + " " +
                       request.body);
    if (!hold_answers) answer(connection, request.target);
  }
  void on_upgrade(Connection& connection, proto::HttpRequest&) override {
    proto::HttpResponse response;
    response.status = 101;
    connection.accept_websocket(response, message_limits, greeting);
  }
  bool on_message(Connection&, proto::Opcode, std::string_view payload) override {
    messages.emplace_back(payload);
    return messages.size() != pause_after;
  }
  void on_control(Connection& connection) override {
    if (++controls == put_off_after) connection.put_off();
  }
  void on_writable(Connection& connection) override {
    ++writables;
    EXPECT_TRUE(connection.can_send());
    if (pending.empty()) {
      connection.flush();
      return;
    }
    const std::size_t taken = connection.send_segments(pending);
    pending.erase(pending.begin(), pending.begin() + static_cast<std::ptrdiff_t>(taken));
  }
  void on_closing(Connection&) override { ++closings; }
  void on_closed(Connection& connection) override {
    EXPECT_EQ(closings, 1u) << "closed without having said that it closes";
    EXPECT_EQ(connection.state(), Connection::State::closed);
    ++closeds;
  }

  static void answer(Connection& connection, const std::string& text) {
    proto::HttpResponse response;
    response.content_type = "text/plain";
    response.body = text;
    connection.respond(response);
  }

  bool unwanted = false;
  bool hold_answers = false;
  std::string greeting;         // of those who upgrade
  std::size_t pause_after = 0;  // false is returned for that message
  unsigned put_off_after = 0;   // pings and pongs
  proto::MessageLimits message_limits{};
  std::vector<Segment> pending;
  std::vector<proto::ProxyHeader> headers;
  std::vector<std::string> requests;
  std::vector<std::string> messages;
  unsigned controls = 0;
  unsigned writables = 0;
  unsigned closings = 0;
  unsigned closeds = 0;
};

class ConnectionTest : public testing::Test {
 protected:
  ConnectionTest() {
    limits.head_timeout = seconds{5};
    limits.body_timeout = seconds{20};
    limits.idle_timeout = seconds{60};
    limits.send_timeout = seconds{20};
    limits.ping_interval = seconds{30};
    limits.max_body_bytes = 256 * 1024;
    limits.private_buffer_bytes = 64 * 1024;
    context.ring = &ring;
    context.owner = &owner;
    context.budget = &budget;
    context.readers = &readers;
    context.limits = &limits;
    context.metrics = &metrics;
    context.now = base::Instant{seconds{1'000}};
    reset();
  }
  ~ConnectionTest() override {
    ring.ends = true;
    connection.reset();
    EXPECT_TRUE(ring.lent.empty()) << "a receive buffer was not given back";
    owner.pending.clear();
    EXPECT_EQ(budget.used_bytes(), 0u) << "chunks are left";
  }

  // Another connection, fresh, in place of the one before.
  void reset() {
    ring.ends = true;
    connection.reset();
    ring.receiving = ring.sending = ring.closed = ring.ends = false;
    ring.shutdowns.clear();
    owner = {};
    peer.clear();
    ended_before_ = ended();
    connection.emplace(context, base::Handle{1, 1}, test_socket);
    connection->start();
  }

  // ---- the peer and the kernel
  // Bytes come. The buffer is overwritten afterwards, as the kernel would.
  void arrive(std::string_view bytes, bool armed = true) {
    ASSERT_TRUE(ring.receiving) << "nobody reads";
    std::string buffer{bytes};
    io::Completion completion = received(static_cast<std::int32_t>(bytes.size()), armed);
    completion.has_buffer = true;
    completion.buffer = 7;
    completion.bytes = std::as_bytes(std::span{buffer});
    ring.lent.push_back(7);
    connection->on_received(completion);
    std::fill(buffer.begin(), buffer.end(), '#');
  }
  void receive_ends(std::int32_t result) { connection->on_received(received(result, false)); }
  void poll_ends() {
    EXPECT_TRUE(std::exchange(ring.polling, false));
    connection->on_readable();
  }
  void peer_ends() { receive_ends(0); }

  // Feeds the same bytes again and again until the connection asks for no more of them; how often.
  std::size_t arrive_until_cancelled(std::string_view bytes) {
    std::size_t count = 0;
    while (ring.cancelled_receives == 0) {
      if (count * bytes.size() > 200 * 1024) {
        ADD_FAILURE() << "nothing stops it";
        break;
      }
      arrive(bytes);
      ++count;
    }
    EXPECT_GE(count * bytes.size(), 64u * 1024);
    return count;
  }

  // The send in flight ends after `count` bytes, or all of them.
  void sent(std::optional<std::size_t> count = {}) {
    ASSERT_TRUE(ring.sending) << "nothing is being sent";
    const std::string bytes = ring.finish_send(count.value_or(ring.in_flight().size()));
    peer += bytes;
    connection->on_sent(sent_with(static_cast<std::int32_t>(bytes.size())));
  }
  void send_fails(std::int32_t result) {
    ASSERT_TRUE(ring.sending);
    ring.finish_send(0);
    connection->on_sent(sent_with(result));
  }
  void send_all() {
    while (ring.sending) sent();
  }

  // ---- the shard
  void end_turn() {
    rearm_starved(context);
    run_deferred(context);
  }
  void pass(base::Duration time) {
    context.now += time;
    connection->tick();
    end_turn();
  }

  void upgrade() {
    arrive(
        "GET /ws HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n");
    ASSERT_EQ(connection->state(), Connection::State::websocket);
    send_all();
    EXPECT_TRUE(peer.starts_with("HTTP/1.1 101 "));
    peer.clear();
  }

  Segment segment(std::string_view bytes) {
    Segment made{base::ChunkRef::allocate(budget, bytes.size()), 0,
                 static_cast<std::uint32_t>(bytes.size())};
    made.chunk.append(std::as_bytes(std::span{bytes}));
    return made;
  }

  std::uint64_t ended(Ending why) const { return metrics.ended[static_cast<std::size_t>(why)]; }
  std::uint64_t ended() const {
    return std::accumulate(metrics.ended.begin(), metrics.ended.end(), std::uint64_t{0});
  }

  // Everything is over and given back.
  void expect_closed() {
    end_turn();
    EXPECT_EQ(ended(), ended_before_ + 1) << "an end without a reason, or with two";
    EXPECT_TRUE(ring.closed);
    EXPECT_EQ(connection->state(), Connection::State::closed);
    EXPECT_EQ(owner.closings, 1u);
    EXPECT_EQ(owner.closeds, 1u);
  }

  static std::string server_frame(proto::Opcode opcode, std::string_view payload) {
    std::string frame;
    proto::append_frame(frame, opcode, payload);
    return frame;
  }
  static std::string close_frame(proto::CloseCode code, std::string_view reason = {}) {
    std::string frame;
    proto::append_close_frame(frame, code, reason);
    return frame;
  }
  static std::string text(std::string_view payload) { return proto::client_frame(1, payload); }

  ScriptedRing ring;
  RecordingOwner owner;
  base::ChunkBudget budget{64 << 20};
  proto::MessageReaderPool readers;
  ConnectionLimits limits;
  ConnectionMetrics metrics;
  ConnectionContext context;
  std::optional<Connection> connection;
  std::string peer;  // what has reached it

 private:
  std::uint64_t ended_before_ = 0;

  io::Completion received(std::int32_t result, bool armed) {
    ring.receiving = armed;
    io::Completion completion;
    completion.token = {io::Operation::receive, {1, 1}};
    completion.result = result;
    completion.armed = armed;
    return completion;
  }
  static io::Completion sent_with(std::int32_t result) {
    io::Completion completion;
    completion.token = {io::Operation::send, {1, 1}};
    completion.result = result;
    return completion;
  }
};

}  // namespace starling::net
