#include "chat/fleet_view.hpp"

#include <gtest/gtest.h>

namespace starling::chat {
namespace {

using std::chrono::milliseconds;
using std::chrono::minutes;
using std::chrono::seconds;

Origin from(std::string server, std::uint64_t incarnation) {
  return {0, std::move(server), incarnation};
}

class FleetViewTest : public testing::Test {
 protected:
  // Looks once a second, as a shard does.
  void pass(base::Duration time, bool listening = true) {
    for (const base::Instant until = now + time; now < until;) {
      now += seconds{1};
      view.look(now, listening, ended);
    }
  }

  FleetView view;
  base::Instant now{seconds{100}};
  std::vector<FleetView::Ended> ended;
};

TEST_F(FleetViewTest, who_is_silent_for_ten_seconds_is_taken_for_dead) {
  pass(seconds{1});
  EXPECT_TRUE(view.heard(from("b", 7), now, ended));
  pass(seconds{9});
  EXPECT_TRUE(view.alive("b", 7));
  EXPECT_TRUE(ended.empty());
  pass(seconds{1});
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].server, "b");
  EXPECT_EQ(ended[0].incarnation, 7u);
  EXPECT_FALSE(view.alive("b", 7));
  pass(seconds{20});
  EXPECT_EQ(ended.size(), 1u);  // once
  // It stood still, and goes on.
  EXPECT_TRUE(view.heard(from("b", 7), now, ended));
  EXPECT_TRUE(view.alive("b", 7));
}

TEST_F(FleetViewTest, nobody_is_silent_while_the_bus_is_away) {
  pass(seconds{1});
  view.heard(from("b", 7), now, ended);
  pass(seconds{8});
  pass(minutes{10}, false);
  EXPECT_TRUE(view.alive("b", 7));
  pass(seconds{9});  // counted from the bus's return
  EXPECT_TRUE(view.alive("b", 7));
  pass(seconds{1});
  EXPECT_FALSE(view.alive("b", 7));
}

TEST_F(FleetViewTest, nobody_is_silent_because_this_server_stood_still) {
  pass(seconds{1});
  view.heard(from("b", 7), now, ended);
  now += seconds{60};
  view.look(now, true, ended);
  EXPECT_TRUE(view.alive("b", 7));
  EXPECT_TRUE(ended.empty());
}

TEST_F(FleetViewTest, a_later_incarnation_ends_the_earlier_one) {
  pass(seconds{1});
  view.heard(from("b", 7), now, ended);
  EXPECT_TRUE(view.heard(from("b", 8), now, ended));
  ASSERT_EQ(ended.size(), 1u);
  EXPECT_EQ(ended[0].incarnation, 7u);
  EXPECT_FALSE(view.heard(from("b", 7), now, ended));  // late
  EXPECT_FALSE(view.alive("b", 7));
  EXPECT_TRUE(view.alive("b", 8));
}

TEST_F(FleetViewTest, what_a_server_says_of_itself_is_shown_until_it_is_forgotten) {
  pass(seconds{1});
  ServerSignal said;
  said.from = from("b", 7);
  said.address = "10.0.0.2:8080";
  view.heard(said.from, now, ended);
  view.heard(said);
  pass(minutes{4});
  ASSERT_TRUE(view.servers().contains("b"));
  EXPECT_FALSE(view.servers().at("b").alive);
  EXPECT_EQ(view.servers().at("b").said.address, "10.0.0.2:8080");
  pass(minutes{1});
  EXPECT_TRUE(view.servers().empty());
}

TEST_F(FleetViewTest, one_server_too_many_is_not_heard) {
  for (std::size_t i = 0; i < FleetView::max_servers; ++i) {
    EXPECT_TRUE(view.heard(from(std::to_string(i), 1), now, ended));
  }
  EXPECT_FALSE(view.heard(from("more", 1), now, ended));
  EXPECT_TRUE(view.heard(from("0", 1), now, ended));
}

}  // namespace
}  // namespace starling::chat
