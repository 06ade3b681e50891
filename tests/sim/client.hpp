// Client: somebody with a browser, over the simulated network.
//
// Speaks either dialect in real bytes: connects, says who it is, joins, talks, repeats what was not
// acknowledged, comes back after every end and resumes from what it has seen. Some read slowly, cut
// the connection at any byte, or send garbage. What is sent to it is held against the protocol:
// each seq of a room once, in order, or a `gap` that names what is missing; nothing of a room it is
// not in; an answer to whatever asks for one.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "chat/ids.hpp"
#include "ledger.hpp"
#include "network.hpp"
#include "proto/json_reader.hpp"
#include "random.hpp"

namespace starling::sim {

struct Habits {
  chat::UserId user = 0;
  bool v1 = true;
  std::vector<std::string> rooms;  // it goes to
  unsigned pace_ms = 100;          // between two things it does, on average
  unsigned lazy = 0;               // per thousand things: stops reading for a while
  unsigned cuts = 0;               // ... goes without a word
  unsigned garbage = 0;            // ... sends nonsense
  std::size_t content_bytes = 40;
};

class Client final : public Endpoint {
 public:
  Client(unsigned number, Habits habits, Random& random, Balancer& balancer, Ledger& ledger);

  // ---- Endpoint
  bool reading() const override { return lazy_until_ <= now(); }
  void on_bytes(std::string_view bytes) override;
  void on_end(bool reset) override;

  // ---- the run
  base::Instant next_at() const { return next_at_; }
  base::Instant lazy_until() const { return lazy_until_; }
  void act();
  // From here on: finish what is open, come back if sent away, stay and read.
  void calm();
  // Empty, or what it still waits for.
  std::string unsettled() const;
  // Says one thing more, now. False: it is in no room.
  bool speak();
  // Who this client believes is typing; empty: nobody is.
  std::string typing() const;
  // Nothing more is to be said; the connection ends, and the client stays away.
  void retire() { retired_ = true; }

  const std::string& name() const { return name_; }
  chat::UserId user() const { return habits_.user; }
  bool in_room(const std::string& room) const;
  const Network* network() const { return network_; }  // of its server
  chat::Seq seen_in(const std::string& room) const;
  bool speaks_v1() const { return habits_.v1; }
  // Who this client believes is in the room besides its own user, and how many people there are.
  const std::set<chat::UserId>& online_in(const std::string& room) const;
  std::uint64_t count_in(const std::string& room) const;
  // The last things it heard and did, the oldest first; of one room or of all.
  std::vector<std::string> history() const { return {history_.begin(), history_.end()}; }

 private:
  enum class Stage : std::uint8_t {
    away,       // no socket
    upgrading,  // has asked for the WebSocket
    connected,  // has not said who it is, or waits for the answer
    ready,
  };
  struct View {  // of a room
    bool wanted = false;
    bool in = false;
    bool asked = false;           // a join is under way
    chat::Seq next = 0;           // 0: no event of this room may come
    chat::Seq last = 0;           // to resume from
    chat::MessageId last_id = 0;  // the event there; 0: not seen
    std::uint64_t epoch = 0;      // that these numbers are of
    bool known = false;           // `last` means something
    bool resuming = false;        // by `auth`: what answers it carries no reference
    chat::Seq resumed_from = 0;
    std::set<chat::UserId> online;
    std::set<chat::UserId> typing;
    std::uint64_t count = 0;
  };
  struct Message {
    std::string key;  // clientMessageId; its text begins with it
    std::string room;
    std::string content;
    unsigned attempts = 0;
    bool under_way = false;
    bool gives_up = false;  // does not repeat what is answered `unavailable`
    base::Instant again_at{};
  };
  struct Asked {
    std::string what;
    std::string room;                // of a join
    std::optional<chat::Seq> after;  // of a join that resumes
  };

  static base::Instant now();
  void did(std::string text);

  // ---- client_acts.cpp
  void come();
  void go(bool with_reset);
  void write(std::string_view json);
  void write_frame(unsigned opcode, std::string_view payload);
  std::string ask(Asked what);
  void say_who();
  void join(const std::string& name, View& view);
  void say_something(const std::string& room);
  void say(Message& message);
  void say_pending();
  void do_something();
  void send_garbage();
  const std::string* some_room();

  // ---- client.cpp
  void take_frame(const std::string& json);
  void broken(const std::string& rule, const std::string& details);
  void on_welcome(const proto::JsonValue& frame);
  void on_authenticated(const proto::JsonValue& frame);
  void on_joined(const proto::JsonValue& frame, const std::optional<Asked>& asked);
  void on_left(const proto::JsonValue& frame);
  void on_event(const proto::JsonValue& frame);
  void on_sent(const proto::JsonValue& frame);
  void on_gap(const proto::JsonValue& frame);
  void on_page(const proto::JsonValue& frame);
  void on_presence(const proto::JsonValue& frame, bool joined);
  void on_typing(const proto::JsonValue& frame);
  void on_error(const proto::JsonValue& frame, const std::optional<Asked>& asked);
  void on_close(std::string_view payload);
  static ShownEvent event_of(const proto::JsonValue& frame);

  const std::string name_;
  const Habits habits_;
  Random& random_;
  Balancer& balancer_;
  Network* network_ = nullptr;  // of the server that it is or was connected to
  Ledger& ledger_;
  proto::JsonReader json_{1 << 20};

  Stage stage_ = Stage::away;
  std::shared_ptr<Socket> socket_;
  std::string bytes_;  // received and not understood yet
  bool calm_ = false;
  bool retired_ = false;
  bool misbehaved_ = false;  // on this connection: may be closed for it
  bool going_ = false;       // has sent or got a close frame
  std::uint64_t epoch_ = 0;
  std::map<std::string, View> rooms_;
  std::deque<Message> pending_;
  std::vector<Message> done_;  // some that were acknowledged, to be repeated
  std::map<std::string, Asked> asked_;
  unsigned next_ref_ = 1;
  unsigned next_key_ = 1;
  base::Instant next_at_{};
  base::Instant lazy_until_{};
  base::Instant connected_at_{};
  std::deque<std::string> history_;
};

}  // namespace starling::sim
