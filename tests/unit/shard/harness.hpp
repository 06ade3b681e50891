// A shard on this thread, over real loopback sockets, with an archive that answers what the test
// says and when. Nothing sleeps: pump() turns the shard until what is awaited has come.
#pragma once

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/identity.hpp"
#include "api/ws_protocol.hpp"
#include "base/check.hpp"
#include "bus/local_bus.hpp"
#include "net/listener.hpp"
#include "shard/shard.hpp"

namespace starling::shard {

// Keeps what a shard asks, until the test answers.
class ScriptedArchive : public chat::Backend {
 public:
  struct Asked {
    chat::Request request;
    chat::Ticket ticket;
  };

  bool submit(chat::Request&& request, chat::Ticket ticket) override {
    if (full) return false;
    asked.push_back({std::move(request), ticket});
    return true;
  }

  std::deque<Asked> asked;
  bool full = false;
};

// What a proxy adds to what its client says.
struct ByProxy {
  std::string before;   // the first byte of the head
  std::string headers;  // whole lines
};

// A WebSocket client in a few lines.
class TestClient {
 public:
  TestClient(std::uint16_t port, std::string_view subprotocol, int receive_buffer = 0,
             const ByProxy& proxy = {}) {
    socket_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    if (receive_buffer > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address);
    std::string head = proxy.before;
    head +=
        "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    if (!subprotocol.empty()) {
      head.append("Sec-WebSocket-Protocol: ").append(subprotocol).append("\r\n");
    }
    write(head + proxy.headers + "\r\n");
  }
  ~TestClient() { ::close(socket_); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void say(std::string_view json) {
    std::string frame{'\x81'};
    if (json.size() < 126) {
      frame.push_back(static_cast<char>(0x80 | json.size()));
    } else {
      frame.push_back(static_cast<char>(0x80 | 126));
      frame.push_back(static_cast<char>(json.size() >> 8));
      frame.push_back(static_cast<char>(json.size() & 0xff));
    }
    frame.append(4, '\0');  // a mask of zeros leaves the payload as it is
    write(frame.append(json));
  }

  // The beginning of a text message of `size` bytes, and `part` of them.
  void begin_message(std::size_t size, std::size_t part) {
    std::string frame{"\x81\xff"};
    for (int shift = 56; shift >= 0; shift -= 8) {
      frame.push_back(static_cast<char>(static_cast<std::uint64_t>(size) >> shift));
    }
    frame.append(4, '\0');
    write(frame.append(part, 'x'));
  }
  void hang_up() { ::shutdown(socket_, SHUT_RDWR); }

  // Reads what has arrived and takes whole frames off it. False once the peer has closed.
  bool read() {
    char buffer[65'536];
    ssize_t count;
    while ((count = ::recv(socket_, buffer, sizeof buffer, 0)) > 0) {
      bytes_.append(buffer, static_cast<std::size_t>(count));
    }
    if (!upgraded_) {
      const std::size_t end = bytes_.find("\r\n\r\n");
      ended |= count == 0;
      if (end == std::string::npos) return count != 0;
      upgraded_ = true;
      head_ = bytes_.substr(0, end);
      bytes_.erase(0, end + 4);
    }
    while (take_frame()) {
    }
    ended |= count == 0;
    return count != 0;
  }

  std::vector<std::string> frames;  // text frames, oldest first
  unsigned close_code = 0;
  bool ended = false;  // the server sends nothing more

  bool upgraded() const { return status() == 101; }
  // Of the answer to the upgrade; 0 while there is none.
  int status() const { return head_.empty() ? 0 : std::stoi(head_.substr(head_.find(' '))); }

 private:
  void write(std::string_view bytes) {
    // Connecting to loopback has completed; what a test writes fits the socket's buffer.
    CHECK(::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(bytes.size()));
  }

  bool take_frame() {
    if (bytes_.size() < 2) return false;
    const auto at = [this](std::size_t i) { return static_cast<unsigned char>(bytes_[i]); };
    std::size_t size = at(1) & 0x7fu;
    std::size_t header = 2;
    if (size >= 126) {
      header = size == 126 ? 4 : 10;
      if (bytes_.size() < header) return false;
      size = 0;
      for (std::size_t i = 2; i < header; ++i) size = size << 8 | at(i);
    }
    if (bytes_.size() < header + size) return false;
    const unsigned opcode = at(0) & 0x0fu;
    if (opcode == 1) frames.push_back(bytes_.substr(header, size));
    if (opcode == 8 && size >= 2) {
      close_code = static_cast<unsigned>(at(header) << 8 | at(header + 1));
    }
    bytes_.erase(0, header + size);
    return true;
  }

  int socket_;
  bool upgraded_ = false;
  std::string head_;
  std::string bytes_;
};

// The bus of a lone server, listened to.
class TestBus final : public chat::SignalBus {
 public:
  void add(chat::SignalInbox* shard) { bus_.add(shard); }
  void publish(const chat::Signal& signal) override {
    reads += std::holds_alternative<chat::ReadSignal>(signal);
    bus_.publish(signal);
  }
  void send(std::uint16_t shard, const chat::Signal& signal) override { bus_.send(shard, signal); }
  void publish_elsewhere(const chat::Signal& signal) override { elsewhere.push_back(signal); }

  unsigned reads = 0;                   // read pointers that were told
  std::vector<chat::Signal> elsewhere;  // what other servers alone were told

 private:
  bus::LocalBus bus_;
};

class ShardTest : public testing::Test {
 protected:
  ShardTest() {
    config.auth.mode = AuthMode::open;
    config.server.port = 0;
  }

  // With several shards, all of them are turned by this thread.
  void start(std::uint16_t count = 1) {
    auto opened = net::Listener::open("127.0.0.1", 0, 128);
    ASSERT_TRUE(opened);
    listener = std::make_unique<net::Listener>(std::move(*opened));
    ShardOptions options;
    options.config = &config;
    if (keys) options.keys = &*keys;
    quotas = std::make_unique<chat::Quotas>(config, 1);
    options.quotas = quotas.get();
    options.memory = &memory;
    options.measure_memory = [this] { ++measurements; };
    options.backend = &archive;
    options.bus = &bus;
    options.encoder = &encoder;
    options.server_id = "test";
    options.longest_hold = longest_hold;
    options.epoch = 7;
    options.fleet = fleet.get();
    options.archive_healthy = [this] {
      ++ticks;
      return archive_healthy;
    };
    for (options.index = 0; options.index < count; ++options.index) {
      options.public_listener = options.index == 0 ? listener->descriptor() : -1;
      auto made = Shard::create(options);
      ASSERT_TRUE(made) << made.error().message;
      shards.push_back(made->get());
      owned_.push_back(std::move(*made));
      bus.add(shards.back());
    }
    for (Shard* one : shards) one->meet(shards);
    shard = shards.front();
  }

  // As the writer does after its commit.
  void commit(const chat::CommittedBatchRef& batch) {
    for (Shard* one : shards) one->committed(batch);
  }
  // One turn of each, which waits for a moment only where nothing is to be done.
  void turn_all() {
    for (Shard* one : shards) one->turn(std::chrono::milliseconds{1});
    for (TestClient* client : clients) client->read();
  }

  // Turns the shard until `done`; fails the test after a bound that no correct run comes near.
  void pump(const std::function<bool()>& done) {
    for (int turns = 0; turns < 20'000; ++turns) {
      if (done()) return;
      turn_all();
    }
    ADD_FAILURE() << "what was awaited did not come";
  }
  void settle() {
    for (int turns = 0; turns < 20; ++turns) {
      turn_all();
    }
  }

  template <typename Wanted>
  ScriptedArchive::Asked await_request() {
    ScriptedArchive::Asked found;
    pump([&] {
      for (auto asked = archive.asked.begin(); asked != archive.asked.end(); ++asked) {
        if (!find<Wanted>(asked->request)) continue;
        found = std::move(*asked);
        archive.asked.erase(asked);
        return true;
      }
      return false;
    });
    return found;
  }

  template <typename Wanted>
  static Wanted& content(ScriptedArchive::Asked& asked) {
    return *find<Wanted>(asked.request);
  }

  void answer(const ScriptedArchive::Asked& asked, chat::Reply reply) {
    shards.at(asked.ticket.shard)->reply({asked.ticket, std::move(reply)});
  }

  // Events of one room with consecutive seqs, as the writer would commit them.
  chat::CommittedBatchRef batch(std::string_view room, chat::Seq first, chat::Seq last,
                                std::size_t content_bytes = 10) {
    auto made = std::make_shared<chat::CommittedBatch>();
    for (chat::Seq seq = first; seq <= last; ++seq) {
      chat::Event event = this->event(room, seq, content_bytes);
      const std::size_t offset = made->frames.size();
      encoder.append_frame(event, made->frames);
      made->add(std::move(event), offset);
    }
    return made;
  }
  static chat::Event event(std::string_view room, chat::Seq seq, std::size_t content_bytes = 10) {
    chat::Event event;
    event.id = 1'000 + seq;
    event.seq = seq;
    event.room = room;
    event.sender = 1;
    event.sender_name = "ann";
    event.content.assign(content_bytes, 'c');
    return event;
  }

  std::unique_ptr<TestClient> connect(std::string_view subprotocol, const ByProxy& proxy) {
    auto client = std::make_unique<TestClient>(listener->port(), subprotocol, 0, proxy);
    clients.push_back(client.get());
    return client;
  }
  std::unique_ptr<TestClient> connect(std::string_view subprotocol, int receive_buffer = 0) {
    auto client = std::make_unique<TestClient>(listener->port(), subprotocol, receive_buffer);
    clients.push_back(client.get());
    return client;
  }

  // A client that has said who it is.
  std::unique_ptr<TestClient> authenticated(chat::UserId user, int receive_buffer = 0) {
    auto client = connect("starling.v1", receive_buffer);
    client->say(R"({"type":"auth","userId":)" + std::to_string(user) + "}");
    const auto asked = await_request<chat::OpenSession>();
    chat::SessionOpened opened;
    opened.user.id = user;
    opened.user.username = "user" + std::to_string(user);
    opened.epoch = 7;
    answer(asked, opened);
    await_frame(*client, "auth_success");
    return client;
  }
  std::unique_ptr<TestClient> member(chat::UserId user, const std::string& room, chat::Seq head,
                                     int receive_buffer = 0) {
    auto client = authenticated(user, receive_buffer);
    client->say(R"({"type":"join_room","roomId":")" + room + R"("})");
    answer(await_request<chat::JoinRoom>(), chat::RoomJoined{room, head, 0, 0, 7});
    await_frame(*client, "room_joined");
    return client;
  }

  // Waits for a frame of that type and takes it and all before it off the client.
  std::string await_frame(TestClient& client, std::string_view type) {
    std::string found;
    const std::string wanted = R"("type":")" + std::string{type} + '"';
    pump([&] {
      for (std::size_t i = 0; i < client.frames.size(); ++i) {
        if (client.frames[i].find(wanted) == std::string::npos) continue;
        found = client.frames[i];
        client.frames.erase(client.frames.begin(),
                            client.frames.begin() + static_cast<std::ptrdiff_t>(i) + 1);
        return true;
      }
      return false;
    });
    return found;
  }

  static chat::Seq seq_of(std::string_view frame) {
    const std::size_t at = frame.find(R"("seq":)");
    return at == std::string_view::npos ? 0 : std::stoull(std::string{frame.substr(at + 6, 20)});
  }
  // The seqs of the messages that a client holds, in the order of their coming.
  static std::vector<chat::Seq> seqs(const TestClient& client) {
    std::vector<chat::Seq> all;
    for (const std::string& frame : client.frames) {
      if (frame.find(R"("type":"chat_message")") != std::string::npos) all.push_back(seq_of(frame));
    }
    return all;
  }
  // Of the newest of them; 0: there is none. Asked in each turn, so older ones are not looked at.
  static chat::Seq newest_seq(const TestClient& client) {
    for (auto frame = client.frames.rbegin(); frame != client.frames.rend(); ++frame) {
      if (frame->find(R"("type":"chat_message")") != std::string::npos) return seq_of(*frame);
    }
    return 0;
  }
  static std::vector<chat::Seq> range(chat::Seq first, chat::Seq last) {
    std::vector<chat::Seq> all;
    for (chat::Seq seq = first; seq <= last; ++seq) all.push_back(seq);
    return all;
  }

  Config config;
  std::optional<api::TokenKeys> keys;
  base::Duration longest_hold = ShardOptions{}.longest_hold;
  std::unique_ptr<chat::Quotas> quotas;  // made of `config` by start()
  chat::MemoryLadder memory{100};        // of a hundred bytes: one is a percent
  unsigned measurements = 0;             // that a shard asked for
  ScriptedArchive archive;
  std::unique_ptr<chat::FleetState> fleet;  // before start(): the server is one of several
  bool archive_healthy = true;
  unsigned ticks = 0;  // the shard looks at the archive's health once in each, a second apart
  TestBus bus;
  api::FrameEncoder encoder;
  std::unique_ptr<net::Listener> listener;
  std::vector<Shard*> shards;
  Shard* shard = nullptr;  // the first
  std::vector<TestClient*> clients;

 private:
  std::vector<std::unique_ptr<Shard>> owned_;

  template <typename Wanted>
  static Wanted* find(chat::Request& request) {
    return std::visit([](auto& group) { return find_in<Wanted>(group); }, request);
  }
  template <typename Wanted, typename... All>
  static Wanted* find_in(std::variant<All...>& group) {
    if constexpr ((std::is_same_v<Wanted, All> || ...)) {
      return std::get_if<Wanted>(&group);
    } else {
      return nullptr;
    }
  }
};

}  // namespace starling::shard
