// A whole connection: bytes, cut anywhere, into a shard over the simulated ring, with an archive
// that keeps nothing. Whatever they are: the shard stands, says nothing that is not HTTP or
// WebSocket, serves who is there besides, and keeps no connection and no buffer afterwards.
#include <deque>
#include <map>
#include <memory>
#include <variant>

#include "../sim/clock_sim.hpp"
#include "../sim/frames.hpp"
#include "../sim/judge.hpp"
#include "../sim/network.hpp"
#include "../sim/ring_sim.hpp"
#include "../sim/tally.hpp"
#include "api/ws_protocol.hpp"
#include "bus/local_bus.hpp"
#include "input.hpp"
#include "io/clock.hpp"
#include "shard/shard.hpp"

namespace starling::fuzz {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr std::uint64_t epoch = 7;

// Of an input's flags.
constexpr unsigned small_pieces = 1;
constexpr unsigned small_buffers = 2;
constexpr unsigned echo = 4;
constexpr unsigned reset = 8;

// Answers at the next turn, as the writer and the readers of an archive would.
class Archive final : public chat::Backend {
 public:
  bool submit(chat::Request&& request, chat::Ticket ticket) override {
    asked_.emplace_back(std::move(request), ticket);
    return true;
  }

  bool answer_one(shard::Shard& shard) {
    if (asked_.empty()) return false;
    auto [request, ticket] = std::move(asked_.front());
    asked_.pop_front();
    chat::Reply reply = std::visit(
        [&](const auto& group) {
          return std::visit([&](const auto& what) { return answer(what, shard); }, group);
        },
        request);
    shard.reply({ticket, std::move(reply)});
    shard.wake();
    return true;
  }

 private:
  static chat::User user(chat::UserId id) {
    chat::User user;
    user.id = id;
    user.username = "user" + std::to_string(id);
    return user;
  }
  chat::Reply answer(const chat::PostMessage& post, shard::Shard& shard) {
    chat::Event event;
    event.room = post.room;
    event.id = ++last_id_;
    event.seq = ++heads_[post.room];
    event.sender = post.sender;
    event.sender_name = user(post.sender).username;
    event.content = post.content;
    event.message_type = post.message_type;
    event.metadata = post.metadata;
    event.client_message_id = post.client_message_id;
    auto batch = std::make_shared<chat::CommittedBatch>();
    batch->epoch = epoch;
    encoder_.append_frame(event, batch->frames);
    batch->add(chat::Event{event}, 0);
    shard.committed(batch);
    return chat::MessagePosted{event.id, event.seq, event.room, event.client_message_id,
                               0,        false,     0,          event};
  }
  chat::Reply answer(const chat::JoinRoom& join, shard::Shard&) {
    return chat::RoomJoined{join.room, heads_[join.room], 0, 0, epoch};
  }
  chat::Reply answer(const chat::LeaveRoom& leave, shard::Shard&) {
    return chat::RoomLeft{leave.room};
  }
  chat::Reply answer(const chat::MarkRead& mark, shard::Shard&) {
    return chat::ReadMarked{mark.room, mark.seq, heads_[mark.room], 0};
  }
  chat::Reply answer(const chat::OpenSession& open, shard::Shard&) {
    return chat::SessionOpened{user(open.user), epoch, {}};
  }
  chat::Reply answer(const chat::FindUser& find, shard::Shard&) {
    return chat::UserFound{user(find.id)};
  }
  chat::Reply answer(const chat::SetStatus& status, shard::Shard&) {
    return chat::UserFound{user(status.user)};
  }
  chat::Reply answer(const chat::ReadPage& page, shard::Shard&) {
    chat::PageRead read;
    read.room = page.room;
    read.head = heads_[page.room];
    read.epoch = epoch;
    return read;
  }
  template <typename Other>
  chat::Reply answer(const Other&, shard::Shard&) {
    return chat::Failure{chat::FailureCode::not_found, "There is none"};
  }

  api::FrameEncoder encoder_;
  std::deque<std::pair<chat::Request, chat::Ticket>> asked_;
  std::map<std::string, chat::Seq> heads_;
  chat::MessageId last_id_ = 0;
};

// One end of a connection: what the server says must be an answer to a request or, behind a 101,
// whole frames.
class Peer final : public sim::Endpoint {
 public:
  // `deflates`: the frames may have RSV1.
  Peer(sim::Network& network, bool deflates)
      : network_(network), deflates_(deflates), socket_(network.connect(this)) {}

  bool reading() const override { return true; }
  void on_bytes(std::string_view bytes) override {
    heard_ += bytes;
    if (!upgraded_) {
      require(heard_.compare(0, 9, "HTTP/1.1 ", std::min<std::size_t>(9, heard_.size())) == 0,
              "an answer is HTTP");
      const std::size_t end = heard_.find("\r\n\r\n");
      if (end == std::string::npos || heard_.compare(9, 3, "101") != 0) return;
      upgraded_ = true;
      heard_.erase(0, end + 4);
    }
    sim::ServerFrame frame;
    while (sim::take_server_frame(heard_, frame)) {
      require(frame.valid || deflates_, "the server's frames are whole and not masked");
      if (frame.opcode == 1) frames.push_back(frame.payload);
    }
  }
  void on_end(bool) override { ended = true; }

  void write(std::string_view bytes) {
    if (socket_ && !ended) socket_->outgoing += bytes;
  }
  void leave(bool with_reset) {
    if (socket_ && socket_->client) network_.leave(*socket_, with_reset);
  }
  bool heard(std::string_view what) const {
    return std::ranges::any_of(
        frames, [&](const auto& frame) { return frame.find(what) != std::string::npos; });
  }

  std::vector<std::string> frames;
  bool ended = false;

 private:
  sim::Network& network_;
  const bool deflates_;
  std::shared_ptr<sim::Socket> socket_;
  std::string heard_;
  bool upgraded_ = false;
};

sim::NetworkFaults faults_of(unsigned flags) {
  sim::NetworkFaults faults;
  faults.small_pieces = (flags & small_pieces) != 0 ? 900 : 0;
  faults.short_send = (flags & small_pieces) != 0 ? 300 : 0;
  faults.receive_buffer_bytes = (flags & small_buffers) != 0 ? 64 : 4'096;
  faults.receive_buffers = 4;
  return faults;
}

class Run {
 public:
  Run(unsigned seed, unsigned flags)
      : judge_((sim::reset_clock(1'700'000'000'000), false)),
        random_(seed),
        network_(random_, faults_of(flags)) {
    sim::set_judge(&judge_);
    network_.make_current();
    network_.set_listening(true);
    config_.auth.mode = AuthMode::open;
    config_.test.echo = (flags & echo) != 0;
    config_.limits.message_bytes = 1'000;
    config_.limits.requests_in_flight = 32;
    quotas_ = std::make_unique<chat::Quotas>(config_, 1);
    shard::ShardOptions options;
    options.config = &config_;
    options.quotas = quotas_.get();
    options.memory = &memory_;
    options.measure_memory = [] {};
    options.backend = &archive_;
    options.bus = &bus_;
    options.encoder = &encoder_;
    options.server_id = "fuzzed";
    options.epoch = epoch;
    options.public_listener = sim::Network::listener;
    options.archive_healthy = [] { return true; };
    options.address = "127.0.0.1:8080";
    options.inbox = {16, std::size_t{1} << 20, 64, 16};  // small: made anew for each input
    shard_ = std::move(*shard::Shard::create(options));
    bus_.add(shard_.get());
    shard_->meet({shard_.get()});
  }

  // Until nothing moves any more, or `done`.
  template <typename Done>
  bool go_on(Done&& done) {
    constexpr unsigned most = 100'000;
    for (unsigned steps = 0; steps < most; ++steps) {
      if (done()) return true;
      const bool moved = network_.step() || archive_.answer_one(*shard_);
      sim::SimRing& ring = *network_.newest_ring();
      if (!moved && !ring.runnable()) return false;
      ring.begin_turn(false);  // nobody else is awake
      drained_ = !shard_->turn(milliseconds{100});
      if (judge_.failed()) {
        std::fprintf(stderr, "%s\n", judge_.details().c_str());
        require(false, judge_.rule().c_str());
      }
    }
    require(false, "the server comes to rest");
    return false;
  }
  void settle() {
    go_on([] { return false; });
  }
  void pass(base::Duration time) {
    for (base::Duration passed{}; passed < time; passed += seconds{1}) {
      sim::advance_clock(seconds{1});
      settle();
    }
  }

  sim::Network& network() { return network_; }
  shard::Shard& shard() { return *shard_; }
  bool drained() const { return drained_; }
  unsigned buffers_lent() const { return network_.newest_ring()->buffers_lent(); }

 private:
  sim::Judge judge_;
  sim::Random random_;
  sim::Network network_;
  Config config_;
  std::unique_ptr<chat::Quotas> quotas_;
  chat::MemoryLadder memory_{100};
  Archive archive_;
  bus::LocalBus bus_;
  api::FrameEncoder encoder_;
  std::unique_ptr<shard::Shard> shard_;
  bool drained_ = false;
};

std::string text_frame(std::string_view text) {
  static sim::Random random{1};
  return sim::client_frame(1, true, text, random);
}

// Bytes as they are; or behind a handshake; or behind it a message for each line.
std::string stream_of(unsigned form, std::string_view text) {
  if (form % 4 == 0) return std::string{text};
  std::string stream = sim::upgrade_request(form % 4 != 3);
  if (form % 4 == 1) return stream.append(text);
  stream += text_frame(R"({"type":"auth","userId":2,"roomId":"room"})");
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    stream += text_frame(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return stream;
}

}  // namespace
}  // namespace starling::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling::fuzz;
  static const bool shared = (starling::sim::share_tally(), true);
  static_cast<void>(shared);
  Input input{data, size};
  const unsigned seed = input.byte();
  const unsigned flags = input.byte();
  const unsigned form = input.byte();
  Run run{seed, flags};

  Peer ann{run.network(), false};
  ann.write(starling::sim::upgrade_request(true));
  ann.write(text_frame(R"({"type":"auth","userId":1})"));
  run.settle();
  ann.write(text_frame(R"({"type":"join_room","roomId":"quiet"})"));
  require(run.go_on([&] { return ann.heard("room_joined"); }), "who behaves comes in");

  Peer mallory{run.network(), (flags & echo) != 0};
  mallory.write(stream_of(form, input.rest()));
  run.settle();

  ann.write(text_frame(
      R"({"type":"chat_message","roomId":"quiet","content":"x","clientMessageId":"mine"})"));
  require(run.go_on([&] { return ann.heard("message_sent"); }), "who behaves is served");
  require(!ann.ended, "who behaves stays");

  mallory.leave((flags & reset) != 0);
  ann.leave(false);
  run.settle();
  run.pass(starling::base::Duration{std::chrono::seconds{12}});
  require(run.buffers_lent() == 0, "receive buffers are given back");
  require(run.shard().metrics().connections == 0, "who has gone is forgotten");
  require(run.shard().metrics().buffer_bytes == 0, "nothing is kept for who has gone");
  run.shard().drain();
  run.shard().wake();
  run.pass(starling::base::Duration{std::chrono::seconds{2}});
  require(run.drained(), "a server that is told to stop does");
  return 0;
}
