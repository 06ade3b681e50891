// A shard on this thread whose ring and clock the test plays: what completes in a turn, and how
// long the work of a turn takes, are what the test says. So a bound of a turn is a number.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "../proto/client_frame.hpp"
#include "harness.hpp"
#include "io/ring.hpp"

namespace starling::shard {

// Time moves when somebody looks: that long was the work since the look before.
struct PlayedClock {
  base::Instant now{std::chrono::seconds{1'000}};
  base::Duration between_looks{};
};
PlayedClock& played_clock();

// Everything that was asked for completes when the test says so, sends in the turn that follows.
class PlayedRing final : public io::Ring {
 public:
  PlayedRing() : wake_(std::move(*io::Wake::create())) {}

  void accept(int, io::Token) override {}
  void receive(int socket, io::Token token) override { receiving_[socket] = token; }
  void poll(int socket, io::Token token) override { receiving_[socket] = token; }
  void send(int socket, std::span<const std::byte> bytes, io::Token token) override {
    sent[socket].append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    complete(token, static_cast<std::int32_t>(bytes.size()));
  }
  void send_gather(int socket, const msghdr* message, io::Token token) override {
    std::string& to = sent[socket];
    const std::size_t before = to.size();
    for (std::size_t i = 0; i < message->msg_iovlen; ++i) {
      to.append(static_cast<const char*>(message->msg_iov[i].iov_base),
                message->msg_iov[i].iov_len);
    }
    complete(token, static_cast<std::int32_t>(to.size() - before));
  }
  void cancel(io::Token target) override {
    for (const auto& [socket, token] : receiving_) {
      if (token.owner != target.owner) continue;
      receive_ends(socket, -ECANCELED);
      return;
    }
  }
  void shutdown(int socket, int how) override {
    ++shutdowns;
    if (how == SHUT_RDWR && receiving_.contains(socket)) receive_ends(socket, 0);
  }
  void close(int socket) override { closed.insert(socket); }
  void release(std::uint16_t) override {}
  std::span<const io::Completion> turn(base::Duration longest) override {
    may_wait = longest;
    running_ = std::exchange(next_, {});
    return running_;
  }
  io::Wake& wake() override { return wake_; }
  std::string description() const override { return "played"; }

  // ---- the test's part: what the next turn finds
  void arrive(int socket, std::string_view bytes) {
    ASSERT_TRUE(receiving_.contains(socket)) << "nobody reads " << socket;
    pieces_.emplace_back(bytes);
    io::Completion completion;
    completion.token = receiving_[socket];
    completion.result = static_cast<std::int32_t>(bytes.size());
    completion.armed = true;
    completion.has_buffer = true;
    completion.bytes = std::as_bytes(std::span{pieces_.back()});
    next_.push_back(completion);
  }
  void receive_ends(int socket, std::int32_t result) {
    complete(receiving_[socket], result);
    receiving_.erase(socket);
  }
  bool reads(int socket) const { return receiving_.contains(socket); }

  base::Duration may_wait{};  // in this turn, where nothing completes
  std::map<int, std::string> sent;
  std::set<int> closed;
  unsigned shutdowns = 0;

 private:
  void complete(io::Token token, std::int32_t result) {
    io::Completion completion;
    completion.token = token;
    completion.result = result;
    next_.push_back(completion);
  }

  io::Wake wake_;
  std::map<int, io::Token> receiving_;
  std::deque<std::string> pieces_;
  std::vector<io::Completion> next_;
  std::vector<io::Completion> running_;
};

class TurnTest : public testing::Test {
 protected:
  static constexpr base::Duration long_work = std::chrono::milliseconds{1};

  TurnTest() {
    played_clock() = {};
    config.auth.mode = AuthMode::open;
    config.limits.address_requests_per_second = 0;
    config.limits.address_connections = 0;
  }

  void start() {
    quotas_ = std::make_unique<chat::Quotas>(config, 1);
    options.config = &config;
    options.quotas = quotas_.get();
    options.memory = &memory_;
    options.measure_memory = [] {};
    options.backend = &archive;
    options.bus = &bus;
    options.encoder = &encoder_;
    options.server_id = "test";
    options.epoch = 7;
    options.archive_healthy = [] { return true; };
    auto made = Shard::create(options);
    ASSERT_TRUE(made);
    shard = std::move(*made);
    ring = newest_ring;
    bus.add(shard.get());
    shard->meet({shard.get()});
  }

  void turn() { shard->turn(std::chrono::milliseconds{100}); }
  base::Duration longest_wait() {
    shard->turn(std::chrono::hours{1});
    return ring->may_wait;
  }

  // A socket that has upgraded, and by then has been told so.
  int connect(std::string_view path = "/ws", std::string_view headers = {}) {
    const int socket = next_socket_++;
    EXPECT_TRUE(shard->adopt(socket));
    turn();
    arrive(socket, "GET " + std::string{path} +
                       " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                       "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=="
                       "\r\nSec-WebSocket-Protocol: starling.v1\r\n" +
                       std::string{headers} + "\r\n");
    turn();
    turn();
    EXPECT_TRUE(sent(socket).starts_with("HTTP/1.1 101 "));
    return socket;
  }
  int member(chat::UserId user, const std::string& room) {
    const int socket = somebody(user);
    join(socket, room);
    EXPECT_EQ(told(socket, "room_joined"), 1u);
    return socket;
  }
  int somebody(chat::UserId user) {
    const int socket = connect();
    say(socket, R"({"type":"auth","userId":)" + std::to_string(user) + "}");
    turn();
    chat::SessionOpened opened;
    opened.user.id = user;
    opened.user.username = "user" + std::to_string(user);
    opened.epoch = 7;
    answer(take<chat::OpenSession>(), opened);
    turn();
    return socket;
  }
  void join(int socket, const std::string& room) {
    say(socket, R"({"type":"join_room","roomId":")" + room + R"("})");
    turn();
    answer(take<chat::JoinRoom>(), chat::RoomJoined{room, 0, 0, 0, 7});
    turn();
  }

  void arrive(int socket, std::string_view bytes) { ring->arrive(socket, bytes); }
  void say(int socket, std::string_view json) { arrive(socket, proto::client_frame(1, json)); }
  std::string& sent(int socket) { return ring->sent[socket]; }
  // How many frames of that type it was sent.
  std::size_t told(int socket, std::string_view type) {
    const std::string wanted = R"("type":")" + std::string{type} + '"';
    std::size_t count = 0;
    for (std::size_t at = sent(socket).find(wanted); at != std::string::npos;
         at = sent(socket).find(wanted, at + 1)) {
      ++count;
    }
    return count;
  }

  template <typename Wanted>
  static bool asks(const chat::Request& request) {
    return std::visit(
        [](const auto& group) {
          return std::visit(
              [](const auto& what) { return std::is_same_v<std::decay_t<decltype(what)>, Wanted>; },
              group);
        },
        request);
  }
  template <typename Wanted>
  bool asked() const {
    return std::ranges::any_of(archive.asked,
                               [](const auto& one) { return asks<Wanted>(one.request); });
  }
  template <typename Wanted>
  ScriptedArchive::Asked take() {
    const auto found = std::ranges::find_if(
        archive.asked, [](const auto& one) { return asks<Wanted>(one.request); });
    CHECK(found != archive.asked.end());
    ScriptedArchive::Asked taken = std::move(*found);
    archive.asked.erase(found);
    return taken;
  }
  void answer(const ScriptedArchive::Asked& asked, chat::Reply reply) {
    shard->reply({asked.ticket, std::move(reply)});
  }
  // As the writer does: the first message of the room, with what its sender is told.
  void commit(const ScriptedArchive::Asked& asked, const std::string& room) {
    auto batch = std::make_shared<chat::CommittedBatch>();
    chat::MessagePosted posted;
    posted.id = 1'001;
    posted.seq = 1;
    posted.room = room;
    posted.event.id = posted.id;
    posted.event.seq = posted.seq;
    posted.event.room = room;
    posted.event.sender = 1;
    posted.event.sender_name = "user1";
    posted.event.content = "x";
    batch->epoch = 7;
    encoder_.append_frame(posted.event, batch->frames);
    batch->add(chat::Event{posted.event}, 0);
    shard->committed(batch);
    answer(asked, posted);
  }

 public:
  static inline PlayedRing* newest_ring = nullptr;  // set by Ring::create()

 protected:
  Config config;
  ShardOptions options;
  ScriptedArchive archive;
  TestBus bus;
  std::unique_ptr<Shard> shard;
  PlayedRing* ring = nullptr;

 private:
  std::unique_ptr<chat::Quotas> quotas_;
  chat::MemoryLadder memory_{100};
  api::FrameEncoder encoder_;
  int next_socket_ = 1'000'000;  // no descriptor of this process
};

}  // namespace starling::shard
