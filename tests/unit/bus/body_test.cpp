#include "bus/body.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "bus/amqp.hpp"

namespace starling::bus {
namespace {

const SigningKey key = signing_key("a secret of all servers");

Body events() {
  return {BodyKind::events, {"a1", 7}, 3, 2, 5, "{\"seq\":1}\n{\"seq\":2}\n", {{11, 0}, {12, 11}}};
}

TEST(BodyTest, comes_back_as_it_was_sealed) {
  const std::optional<Body> body = open(seal(events(), key), key);
  ASSERT_TRUE(body);
  EXPECT_EQ(body->kind, BodyKind::events);
  EXPECT_EQ(body->origin, (Origin{"a1", 7}));
  EXPECT_EQ(body->epoch, 3u);
  EXPECT_EQ(body->partition, 2u);
  EXPECT_EQ(body->number, 5u);
  EXPECT_EQ(body->text, events().text);
  EXPECT_EQ(body->chain, events().chain);
}

TEST(BodyTest, one_without_a_chain_is_believed) {
  Body older = events();
  older.chain.clear();
  const std::optional<Body> body = open(seal(std::move(older), key), key);
  ASSERT_TRUE(body);
  EXPECT_TRUE(body->chain.empty());
}

// Each is nearly the right one, "11<0 12<11 ": who is lenient makes of it what was signed.
TEST(BodyTest, a_chain_is_numbers) {
  for (const char* wrong : {"11<0 12<11", "11< 12<11 ", "11 12<11 ", "<0 12<11 ", "11<0 12<11 x",
                            "11<0 12<11 13<12", "11<0x 12<11 ", "11<0  12<11 ", " 11<0 12<11 "}) {
    Message sealed = seal(events(), key);
    sealed.headers.back().second = wrong;
    EXPECT_FALSE(open(std::move(sealed), key)) << wrong;
  }
}

TEST(BodyTest, goes_where_its_kind_belongs) {
  const auto of_kind = [](BodyKind kind) {
    Body body = events();
    body.kind = kind;
    return seal(std::move(body), key);
  };
  EXPECT_EQ(of_kind(BodyKind::events).exchange, "chat_exchange");
  EXPECT_EQ(of_kind(BodyKind::events).routing_key, "chat.2");
  EXPECT_EQ(of_kind(BodyKind::beat).exchange, "chat_exchange");
  EXPECT_EQ(of_kind(BodyKind::beat).routing_key, "beat");
  EXPECT_EQ(of_kind(BodyKind::lines).exchange, "chat_signals");
}

TEST(BodyTest, is_refused_with_another_key) {
  EXPECT_FALSE(open(seal(events(), key), signing_key("another secret")));
}

TEST(BodyTest, is_refused_where_anything_was_changed) {
  const Message sealed = seal(events(), key);
  for (std::size_t i = 0; i < sealed.headers.size(); ++i) {
    Message changed = sealed;
    char& last = *std::find_if(changed.headers[i].second.rbegin(), changed.headers[i].second.rend(),
                               ::isalnum);
    last = last == '1' ? '2' : '1';
    EXPECT_FALSE(open(std::move(changed), key)) << sealed.headers[i].first;
    Message left_out = sealed;
    left_out.headers.erase(left_out.headers.begin() + static_cast<std::ptrdiff_t>(i));
    EXPECT_FALSE(open(std::move(left_out), key)) << sealed.headers[i].first;
  }
  Message text = sealed;
  text.text[8] = '9';
  EXPECT_FALSE(open(std::move(text), key));
  Message type = sealed;
  type.type = "beat";
  EXPECT_FALSE(open(std::move(type), key));
}

TEST(BodyTest, beats_carry_numbers) {
  const std::vector<std::uint64_t> numbers{0, 17, 1};
  EXPECT_EQ(numbers_of(beat_text(numbers)), numbers);
  EXPECT_EQ(numbers_of(beat_text({})), std::vector<std::uint64_t>{});
  for (const char* wrong :
       {"", "{}", "{\"type\":\"beat\",\"numbers\":[1,]}\n",
        "{\"type\":\"beat\",\"numbers\":[-1]}\n", "{\"type\":\"beat\",\"numbers\":[1]}"}) {
    EXPECT_FALSE(numbers_of(wrong)) << wrong;
  }
  EXPECT_FALSE(numbers_of(beat_text(std::vector<std::uint64_t>(max_partitions + 1))));
}

// A server that was built otherwise must send a room's events the same way.
TEST(BodyTest, partitions_are_the_same_everywhere) {
  EXPECT_EQ(partition_of("general", 8), 0x9e275796a0d9a90bu % 8);
  std::set<unsigned> used;
  for (int i = 0; i < 200; ++i) used.insert(partition_of("room-" + std::to_string(i), 8));
  EXPECT_EQ(used.size(), 8u);
}

TEST(BodyTest, lines_are_what_stands_between_their_ends) {
  std::vector<std::string> lines;
  for_each_line("one\ntwo\nthree", [&](std::string_view line) { lines.emplace_back(line); });
  EXPECT_EQ(lines, (std::vector<std::string>{"one", "two", "three"}));
}

TEST(AmqpAddressTest, is_read_from_an_url) {
  const auto address = parse_amqp_url("amqp://ann:p%40ss@broker:5673/%2fchat");
  ASSERT_TRUE(address);
  EXPECT_EQ(address->user, "ann");
  EXPECT_EQ(address->password, "p@ss");
  EXPECT_EQ(address->host, "broker");
  EXPECT_EQ(address->port, 5'673);
  EXPECT_EQ(address->vhost, "/chat");
  const auto shortest = parse_amqp_url("amqp://localhost");
  ASSERT_TRUE(shortest);
  EXPECT_EQ(shortest->port, 5'672);
  EXPECT_EQ(shortest->vhost, "/");
  EXPECT_FALSE(shortest->tls);
  const auto safe = parse_amqp_url("amqps://ann:secret@broker/");
  ASSERT_TRUE(safe);
  EXPECT_TRUE(safe->tls);
  EXPECT_EQ(safe->port, 5'671);
  EXPECT_EQ(parse_amqp_url("amqp://localhost/")->vhost, "/");
  for (const char* wrong : {"", "localhost", "http://localhost", "amqp://localhost:0",
                            "amqp://localhost:65536", "https://localhost"}) {
    const auto refused = parse_amqp_url(wrong);
    EXPECT_FALSE(refused) << wrong;
  }
}

}  // namespace
}  // namespace starling::bus
