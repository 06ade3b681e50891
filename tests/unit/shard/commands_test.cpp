// Who a session is, and what a command is answered while that is being found out, or cannot be.
#include "chat/revocation.hpp"
#include "harness.hpp"
#include "io/clock.hpp"

namespace starling::shard {
namespace {

using chat::FailureCode;

constexpr base::WallMs an_hour = 3'600'000;

class CommandsTest : public ShardTest {
 protected:
  void with_tokens() {
    config.auth.mode = AuthMode::token;
    keys.emplace(std::move(*api::TokenKeys::from_secret(std::string(32, 's'))));
  }
  std::string auth_of(chat::UserId user, std::string_view name) {
    return R"({"type":"auth","token":")" + keys->mint(user, name, io::wall_clock(), an_hour) +
           R"("})";
  }
  static chat::SessionOpened opened(chat::UserId user) {
    chat::SessionOpened session;
    session.user.id = user;
    session.user.username = "user" + std::to_string(user);
    session.epoch = 7;
    return session;
  }
  void expect_error(TestClient& client, std::string_view code, std::string_view part = {}) {
    const std::string error = await_frame(client, "error");
    EXPECT_NE(error.find(R"("code":")" + std::string{code} + '"'), std::string::npos) << error;
    EXPECT_NE(error.find(part), std::string::npos) << error;
  }
  void expect_closed(TestClient& client, unsigned code) {
    pump([&] { return client.close_code != 0; });
    EXPECT_EQ(client.close_code, code);
  }
  // Everybody who was here is known to have gone, or will be.
  void expect_nobody_stays() {
    for (TestClient* client : clients) client->hang_up();
    pump([&] { return shard->load() == 0; });
  }
};

TEST_F(CommandsTest, a_session_is_of_the_first_who_is_found) {
  start();
  auto client = connect("starling.v1");
  client->say(R"({"type":"join_room","roomId":"r","userId":1})");
  client->say(R"({"type":"join_room","roomId":"s","userId":2})");
  const auto first = await_request<chat::OpenSession>();
  const auto second = await_request<chat::OpenSession>();
  answer(first, opened(1));
  answer(second, opened(2));
  expect_error(*client, "forbidden", "another user");
  auto join = await_request<chat::JoinRoom>();
  EXPECT_EQ(content<chat::JoinRoom>(join).user, 1u);
  answer(join, chat::RoomJoined{"r", 0, 0, 0, 7});
  await_frame(*client, "room_joined");
  settle();
  for (const ScriptedArchive::Asked& asked : archive.asked) {
    const auto* write = std::get_if<chat::WriteRequest>(&asked.request);
    EXPECT_FALSE(write && std::holds_alternative<chat::JoinRoom>(*write)) << "nobody else joins";
  }
  expect_nobody_stays();
}

TEST_F(CommandsTest, who_joins_and_says_who_it_is_meanwhile_is_one) {
  start();
  auto client = connect("starling.v1");
  client->say(R"({"type":"join_room","roomId":"r","userId":1})");
  client->say(R"({"type":"auth","userId":2})");
  const auto first = await_request<chat::OpenSession>();
  const auto second = await_request<chat::OpenSession>();
  answer(second, opened(2));
  await_frame(*client, "auth_success");
  answer(first, opened(1));
  expect_error(*client, "forbidden", "another user");
  expect_nobody_stays();
}

TEST_F(CommandsTest, a_join_waits_for_who_is_being_found) {
  start();
  auto client = connect("starling.v1");
  client->say(R"({"type":"auth","userId":1})");
  client->say(R"({"type":"join_room","roomId":"r","userId":1})");
  expect_error(*client, "bad_request", "under way");
  answer(await_request<chat::OpenSession>(), opened(1));
  await_frame(*client, "auth_success");
}

TEST_F(CommandsTest, who_nobody_is_is_asked_for_in_open_mode) {
  start();
  auto client = connect("starling.v1");
  client->say(R"({"type":"mark_read","roomId":"r","seq":1,"ref":"m"})");
  expect_error(*client, "bad_request", R"("ref":"m")");
  client->say(R"({"type":"join_room","userId":1,"ref":"j"})");
  expect_error(*client, "bad_request", R"("ref":"j")");
  settle();
  EXPECT_TRUE(archive.asked.empty());
}

TEST_F(CommandsTest, who_is_not_found_out_for_want_of_room_may_ask_again) {
  start();
  auto client = connect("starling.v1");
  archive.full = true;
  client->say(R"({"type":"auth","userId":1})");
  expect_error(*client, "unavailable", R"("retryable":true)");
  archive.full = false;
  client->say(R"({"type":"auth","userId":1})");
  answer(await_request<chat::OpenSession>(), opened(1));
  await_frame(*client, "auth_success");
}

TEST_F(CommandsTest, who_has_a_token_and_was_never_here_becomes_a_user) {
  with_tokens();
  start();
  auto client = connect("starling.v1");
  client->say(auth_of(5, "eve"));
  const auto nobody = chat::Failure{FailureCode::not_found, "User not found"};
  answer(await_request<chat::OpenSession>(), nobody);
  auto wanted = await_request<chat::EnsureUser>();
  EXPECT_EQ(content<chat::EnsureUser>(wanted).id, 5u);
  EXPECT_EQ(content<chat::EnsureUser>(wanted).username, "eve");
  answer(wanted, chat::UserFound{opened(5).user});
  answer(await_request<chat::OpenSession>(), opened(5));
  await_frame(*client, "auth_success");
}

// Each of the three questions may find the mailbox full.
TEST_F(CommandsTest, a_user_who_cannot_be_made_now_may_ask_again) {
  with_tokens();
  start();
  auto client = connect("starling.v1");
  const auto nobody = chat::Failure{FailureCode::not_found, "User not found"};
  client->say(auth_of(5, "eve"));
  auto asked = await_request<chat::OpenSession>();
  archive.full = true;
  answer(asked, nobody);
  expect_error(*client, "unavailable");
  archive.full = false;
  client->say(auth_of(5, "eve"));
  answer(await_request<chat::OpenSession>(), nobody);
  asked = await_request<chat::EnsureUser>();
  archive.full = true;
  answer(asked, chat::UserFound{opened(5).user});
  expect_error(*client, "unavailable");
  archive.full = false;
  client->say(auth_of(5, "eve"));
  answer(await_request<chat::OpenSession>(), opened(5));
  await_frame(*client, "auth_success");
}

TEST_F(CommandsTest, who_is_locked_out_while_being_found_does_not_come_in) {
  with_tokens();
  start();
  auto client = connect("starling.v1");
  client->say(auth_of(5, "eve"));
  const auto asked = await_request<chat::OpenSession>();
  shard->reread_revocations();
  const chat::UserRevocation ended{5, chat::UserRevocation::for_good};
  answer(await_request<chat::ListRevocations>(),
         chat::RevocationsListed{{{ended.token_id(), 5, ended.issued_until}}});
  settle();
  answer(asked, opened(5));
  expect_closed(*client, 4200);
  for (const std::string& frame : client->frames) {
    EXPECT_EQ(frame.find("auth_success"), std::string::npos) << frame;
  }
}

TEST_F(CommandsTest, what_is_wrong_and_too_fast_is_refused_under_its_own_id) {
  config.limits.messages_per_second = 1;
  config.limits.message_burst = 1;
  start();
  auto client = authenticated(1);
  client->say(R"({"type":"chat_message","content":5,"clientMessageId":"c"})");
  expect_error(*client, "rate_limited", R"("clientMessageId":"c")");
}

TEST_F(CommandsTest, a_resume_whose_history_cannot_be_asked_for_comes_again) {
  start();
  auto client = authenticated(1);
  client->say(R"({"type":"join_room","roomId":"r","afterSeq":2,"epoch":7})");
  const auto join = await_request<chat::JoinRoom>();
  archive.full = true;
  answer(join, chat::RoomJoined{"r", 9, 0, 0, 7});
  expect_closed(*client, 1013);
}

TEST_F(CommandsTest, an_old_client_asks_for_and_writes_in_the_room_it_is_in) {
  config.limits.room_messages_per_second = 20;
  config.limits.room_message_burst = 1;
  start();
  auto old = connect("");
  old->say(R"({"type":"get_recent_messages"})");
  auto page = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(page).room, "general");
  answer(page, chat::PageRead{});
  old->say(R"({"type":"auth","userId":1,"roomId":"r"})");
  answer(await_request<chat::OpenSession>(), opened(1));
  answer(await_request<chat::JoinRoom>(), chat::RoomJoined{"r", 0, 0, 0, 7});
  await_frame(*old, "auth_success");
  old->say(R"({"type":"get_recent_messages"})");
  page = await_request<chat::ReadPage>();
  EXPECT_EQ(content<chat::ReadPage>(page).room, "r");
  // It knows no refusal: what is above the room's rate makes it wait.
  const base::Instant begun = std::chrono::steady_clock::now();
  for (chat::Seq seq = 1; seq <= 5; ++seq) {
    old->say(R"({"type":"chat_message","content":"x","clientMessageId":"c"})");
    auto post = await_request<chat::PostMessage>();
    EXPECT_EQ(content<chat::PostMessage>(post).room, "r");
    chat::MessagePosted posted;
    posted.seq = seq;
    posted.room = "r";
    posted.client_message_id = "c";
    posted.event = event("r", seq);
    answer(post, posted);
  }
  EXPECT_GE(std::chrono::steady_clock::now() - begun, std::chrono::milliseconds{100});
  for (const std::string& frame : old->frames) {
    EXPECT_EQ(frame.find("rate_limited"), std::string::npos) << frame;
  }
}

}  // namespace
}  // namespace starling::shard
