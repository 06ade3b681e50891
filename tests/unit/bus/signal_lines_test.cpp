#include "bus/signal_lines.hpp"

#include <gtest/gtest.h>

#include "bus/fleet_signals.hpp"

namespace starling::bus {
namespace {

using chat::PresencePlace;

const Origin peer{"b", 7};

std::vector<std::string> lines_of(const chat::Signal& signal) {
  std::vector<std::string> lines;
  append_lines(signal, lines);
  return lines;
}

std::optional<chat::Signal> read(std::string_view line) {
  proto::JsonReader json{max_line_bytes};
  return parse_line(json, peer, line);
}

// What arrives of a signal that fits one line; written again it is the same line.
template <typename Wanted>
Wanted arrived(const Wanted& sent) {
  const auto lines = lines_of(sent);
  EXPECT_EQ(lines.size(), 1u);
  const auto signal = read(lines.at(0));
  EXPECT_TRUE(signal) << lines[0];
  EXPECT_EQ(lines_of(*signal), lines);
  return std::get<Wanted>(*signal);
}

TEST(SignalLinesTest, each_kind_arrives_as_it_was_sent) {
  const auto delta =
      arrived(chat::PresenceDelta{{3, {}, 0}, {{"r", 1, "ann", true}, {"", 2, "b\"\n", false}}});
  EXPECT_EQ(delta.from.server, "b");
  EXPECT_EQ(delta.from.incarnation, 7u);
  EXPECT_EQ(delta.from.shard, 3u);
  ASSERT_EQ(delta.changes.size(), 2u);
  EXPECT_EQ(delta.changes[1].username, "b\"\n");
  EXPECT_FALSE(delta.changes[1].online);

  const auto digest = arrived(chat::PresenceDigest{
      {}, PresencePlace{"r", 1}, PresencePlace{"", 3}, {{{"r", 1}, "ann"}, {{"", 2}, "bob"}}});
  EXPECT_EQ(*digest.begin, (PresencePlace{"r", 1}));
  EXPECT_EQ(*digest.end, (PresencePlace{"", 3}));
  EXPECT_EQ(digest.people[1].place, (PresencePlace{"", 2}));
  EXPECT_FALSE(arrived(chat::PresenceDigest{}).end);

  const auto server =
      arrived(chat::ServerSignal{{}, "127.0.0.1:8080", "1.0", 1'700'000'000'000, 3, 2, true});
  EXPECT_EQ(server.from.server, "b");
  EXPECT_EQ(server.address, "127.0.0.1:8080");
  EXPECT_EQ(server.started_at, 1'700'000'000'000);
  EXPECT_TRUE(server.archive);

  EXPECT_TRUE(arrived(chat::TypingSignal{"r", 1, "ann", true}).typing);
  const auto moved = arrived(chat::ReadSignal{99, "r", 1, 5, 9, 4});
  EXPECT_EQ(moved.knowing_session, 0u);  // none of ours
  EXPECT_EQ(moved.head, 9u);
  EXPECT_EQ(arrived(chat::StatusSignal{1, "ann", true, 12}).last_seen_at, 12);
  EXPECT_EQ(arrived(chat::RevokedSignal{"abc", 34}).expires, 34);
}

TEST(SignalLinesTest, what_concerns_one_server_stays_there) {
  EXPECT_TRUE(lines_of(chat::PresenceSignal{{}, "r", 1, "ann", true}).empty());
  EXPECT_TRUE(lines_of(chat::PresenceWanted{}).empty());
  EXPECT_TRUE(lines_of(chat::PresenceDelta{}).empty());
}

// The longest name there is, of characters that take most room.
const std::string long_name(1'024, '\x01');

TEST(SignalLinesTest, what_is_long_becomes_several_lines) {
  chat::PresenceDelta delta;
  chat::PresenceDigest digest;
  digest.begin = PresencePlace{"r", 1};
  for (chat::UserId user = 1; user <= 256; ++user) {
    delta.changes.push_back({std::string(50, 'r'), user, long_name, true});
    digest.people.push_back({{std::string(50, 'r'), user}, long_name});
  }
  chat::UserId next = 1;
  for (const std::string& line : lines_of(delta)) {
    EXPECT_LE(line.size(), max_line_bytes);
    const auto part = read(line);
    for (const auto& change : std::get<chat::PresenceDelta>(*part).changes) {
      EXPECT_EQ(change.user, next++);
    }
  }
  EXPECT_EQ(next, 257u);
  // Each begins where the one before has ended.
  next = 1;
  std::optional<PresencePlace> reached = digest.begin;
  const auto lines = lines_of(digest);
  EXPECT_GT(lines.size(), 10u);
  for (const std::string& line : lines) {
    EXPECT_LE(line.size(), max_line_bytes);
    const auto part = std::get<chat::PresenceDigest>(*read(line));
    EXPECT_EQ(part.begin, reached);
    reached = part.end;
    for (const auto& entry : part.people) EXPECT_EQ(entry.place.user, next++);
  }
  EXPECT_EQ(next, 257u);
  EXPECT_FALSE(reached);
}

TEST(SignalLinesTest, what_is_not_as_it_should_be_is_refused) {
  for (const char* line : {
           "",
           "{",
           "[]",
           "7",
           R"({})",
           R"({"type":"unknown"})",
           R"({"type":7})",
           R"({"type":"typing","room":"r","user":1,"name":"ann"})",
           R"({"type":"typing","room":"r","user":0,"name":"ann","typing":true})",
           R"({"type":"typing","room":"r","user":9007199254740992,"name":"ann","typing":true})",
           R"({"type":"typing","room":"","user":1,"name":"ann","typing":true})",
           R"({"type":"typing","room":"a b","user":1,"name":"ann","typing":true})",
           R"({"type":"typing","room":"r","user":"1","name":"ann","typing":true})",
           R"({"type":"typing","room":"r","user":1,"name":"ann","typing":1})",
           R"({"type":"presence","shard":64,"changes":[]})",
           R"({"type":"presence","shard":0,"changes":{}})",
           R"({"type":"presence","shard":0,"changes":[["r",1,"ann"]]})",
           R"({"type":"presence","shard":0,"changes":[["r",1,"ann",true,1]]})",
           R"({"type":"presence","shard":0,"changes":[["r",-1,"ann",true]]})",
           R"({"type":"presence","shard":0,"changes":[["a b",1,"ann",true]]})",
           R"({"type":"digest","shard":0})",
           R"({"type":"digest","shard":0,"begin":"r","people":[]})",
           R"({"type":"digest","shard":0,"begin":["r"],"people":[]})",
           R"({"type":"digest","shard":0,"people":[["r",2,"b"],["r",1,"a"]]})",
           R"({"type":"digest","shard":0,"people":[["r",1,"a"],["r",1,"a"]]})",
           R"({"type":"digest","shard":0,"people":[["",1,"a"],["r",2,"b"]]})",
           R"({"type":"digest","shard":0,"begin":["r",2],"people":[["r",1,"a"]]})",
           R"({"type":"digest","shard":0,"end":["r",1],"people":[["r",1,"a"]]})",
           R"({"type":"digest","shard":0,"begin":["r",2],"end":["r",1],"people":[]})",
           R"({"type":"revoked","token":"t","expires":-1})",
           "{\"type\":\"revoked\",\"token\":\"\xff\",\"expires\":1}",
       }) {
    EXPECT_FALSE(read(line)) << line;
  }
  const std::string name(1'025, 'n');
  EXPECT_FALSE(
      read(R"({"type":"status","user":1,"online":true,"lastSeenAt":1,"name":")" + name + "\"}"));
}

// ---- two servers

class Inbox final : public chat::SignalInbox {
 public:
  bool signal(const chat::Signal& signal) override {
    heard.push_back(signal);
    return true;
  }
  std::vector<chat::Signal> heard;
};

// Carries what one server says straight to another.
class Wire final : public LineTransport {
 public:
  Wire(Origin from, LineReader& to) : from_(std::move(from)), to_(to) {}
  bool publish(std::string line) override {
    to_.on_line(from_, line);
    return true;
  }
  bool up() const override { return true; }

 private:
  const Origin from_;
  LineReader& to_;
};

TEST(FleetSignalsTest, all_shards_of_all_servers_hear) {
  FleetSignals a;
  FleetSignals b;
  Inbox a0, a1, b0, b1;
  a.add(&a0);
  a.add(&a1);
  b.add(&b0);
  b.add(&b1);
  Wire from_a{{"a", 1}, b};
  Wire from_b{{"b", 1}, a};
  a.set_transport(&from_a);
  b.set_transport(&from_b);
  a.publish(chat::TypingSignal{"r", 1, "ann", true});
  for (const Inbox* each : {&a0, &a1, &b0, &b1}) {
    ASSERT_EQ(each->heard.size(), 1u);
    EXPECT_TRUE(std::holds_alternative<chat::TypingSignal>(each->heard[0]));
  }
  b.publish_elsewhere(chat::PresenceDelta{{1, {}, 0}, {{"r", 2, "bob", true}}});
  EXPECT_EQ(b0.heard.size(), 1u);
  ASSERT_EQ(a1.heard.size(), 2u);
  const auto& delta = std::get<chat::PresenceDelta>(a1.heard[1]);
  EXPECT_EQ(delta.from.server, "b");
  EXPECT_EQ(delta.from.shard, 1u);
  a.send(1, chat::PresenceWanted{0});
  EXPECT_EQ(a0.heard.size(), 2u);
  EXPECT_EQ(a1.heard.size(), 3u);
  EXPECT_EQ(b1.heard.size(), 1u);
  a.on_line({"c", 1}, "nonsense");
  EXPECT_EQ(a.refused(), 1u);
  EXPECT_EQ(a0.heard.size(), 2u);
}

}  // namespace
}  // namespace starling::bus
