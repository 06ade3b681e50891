// Messages over REST.
#include "harness.hpp"

namespace starling::api {
namespace {

using chat::FailureCode;
using Position = chat::ReadPage::Position;

class MessagesTest : public RestTest {};

const std::string shown =
    R"({"id":41,"seq":5,"content":"he said \"é\"\n","createdAt":"2026-11-18T11:06:40.000Z",)"
    R"("timestamp":"2026-11-18T11:06:40.000Z","sender":{"id":7,"username":"ann"},"senderId":7,)"
    R"("senderUsername":"ann","roomId":"r","messageType":"text","metadata":null})";

TEST_F(MessagesTest, a_message_is_posted_as_the_token_says) {
  call("POST", "/api/messages", R"({"content":"hi","room_id":"r"})");
  const auto& post = asked<chat::PostMessage>();
  EXPECT_EQ(post.sender, 7u);
  EXPECT_EQ(post.room, "r");
  EXPECT_EQ(post.content, "hi");
  EXPECT_EQ(post.message_type, "text");
  EXPECT_EQ(post.metadata, "");
  EXPECT_EQ(post.client_message_id, "");
  chat::MessagePosted posted;
  posted.event = message(41);
  reply(posted);
  EXPECT_EQ(status(), 201);
  EXPECT_EQ(body(), R"({"message":"Message sent successfully","data":)" + shown + "}");
}

TEST_F(MessagesTest, every_field_in_both_spellings) {
  for (const std::string_view text :
       {R"({"content":"hi","room_id":"r","sender_id":7,"message_type":"image-2",)"
        R"("metadata":{ "a" : [1, 2.5] },"client_message_id":"c-1"})",
        R"({"content":"hi","roomId":"r","senderId":"7","messageType":"image-2",)"
        R"("metadata":{"a":[1,2.5]},"clientMessageId":"c-1"})"}) {
    call("POST", "/api/messages", text);
    const auto& post = asked<chat::PostMessage>();
    EXPECT_EQ(post.sender, 7u);
    EXPECT_EQ(post.message_type, "image-2");
    EXPECT_EQ(post.metadata, R"({"a":[1,2.5]})");
    EXPECT_EQ(post.client_message_id, "c-1");
  }
}

TEST_F(MessagesTest, an_idempotency_key_is_a_client_message_id_and_a_repeat_is_200) {
  call("POST", "/api/messages", R"({"content":"hi","room_id":"r","clientMessageId":"body"})",
       "Idempotency-Key: k-1\r\n");
  EXPECT_EQ(asked<chat::PostMessage>().client_message_id, "k-1");
  chat::MessagePosted posted;
  posted.duplicate = true;
  posted.event = message(41);
  posted.event.client_message_id = "k-1";
  reply(posted);
  EXPECT_EQ(status(), 200);
  EXPECT_NE(body().find(R"("metadata":null,"clientMessageId":"k-1"}})"), std::string::npos);
  for (const std::string& key : {std::string(65, 'k'), std::string{"two words"}}) {
    call("POST", "/api/messages", R"({"content":"hi","room_id":"r"})",
         "Idempotency-Key: " + key + "\r\n");
    expect_problem(400, "bad_request", "An idempotency key has 1 to 64 printable characters");
  }
}

TEST_F(MessagesTest, what_is_wrong_with_a_message_is_said) {
  const std::string required = "Content, sender_id, and room_id are required";
  const std::string type = "message_type has 1 to 20 of a-z, 0-9, - and _";
  const std::string metadata = "metadata is a JSON object of at most 4096 bytes";
  const std::string large_metadata =
      R"({"content":"x","room_id":"r","metadata":{"a":")" + std::string(4'096, 'x') + R"("}})";
  const std::pair<std::string, std::string> table[] = {
      {R"({})", required},
      {R"({"content":"x"})", required},
      {R"({"room_id":"r"})", required},
      {R"({"content":"","room_id":"r"})", required},
      {R"({"content":7,"room_id":"r"})", required},
      {R"({"content":"x","room_id":7})", required},
      {R"({"content":null,"room_id":"r"})", required},
      {R"({"content":"x","room_id":"no room"})", "The room id is not valid"},
      {R"({"content":"x","room_id":")" + std::string(51, 'r') + R"("})",
       "The room id is not valid"},
      {R"({"content":"x","room_id":"r","sender_id":0})", "sender_id is not valid"},
      {R"({"content":"x","room_id":"r","sender_id":-7})", "sender_id is not valid"},
      {R"({"content":"x","room_id":"r","sender_id":"seven"})", "sender_id is not valid"},
      {R"({"content":"x","room_id":"r","sender_id":9007199254740992})", "sender_id is not valid"},
      {R"({"content":"x","room_id":"r","message_type":"Text"})", type},
      {R"({"content":"x","room_id":"r","message_type":""})", type},
      {R"({"content":"x","room_id":"r","message_type":1})", type},
      {R"({"content":"x","room_id":"r","message_type":"abcdefghijklmnopqrstu"})", type},
      {R"({"content":"x","room_id":"r","metadata":"x"})", metadata},
      {R"({"content":"x","room_id":"r","metadata":[1]})", metadata},
      {large_metadata, metadata},
      {R"({"content":"x","room_id":"r","clientMessageId":""})", "clientMessageId is not valid"},
      {R"({"content":"x","room_id":"r","clientMessageId":5})", "clientMessageId is not valid"},
  };
  for (const auto& [text, error] : table) {
    call("POST", "/api/messages", text);
    expect_problem(400, "bad_request", error);
  }
  call("POST", "/api/messages", R"({"content":"x","room_id":"r","sender_id":8})");
  expect_problem(403, "forbidden", "The token belongs to another user");
  const std::string longest(4'096, 'x');
  call("POST", "/api/messages", R"({"room_id":"r","content":")" + longest + R"("})");
  EXPECT_FALSE(answered());
  call("POST", "/api/messages", R"({"room_id":"r","content":")" + longest + R"(x"})");
  EXPECT_EQ(status(), 413);
  EXPECT_EQ(field("code"), "too_large");
  expect_failures_become_statuses("POST", "/api/messages", R"({"content":"x","room_id":"r"})");
}

TEST_F(MessagesTest, in_open_mode_the_sender_is_who_it_says) {
  config.auth.mode = AuthMode::open;
  call("POST", "/api/messages", R"({"content":"x","room_id":"r","sender_id":8})");
  EXPECT_EQ(asked<chat::PostMessage>().sender, 8u);
  call("POST", "/api/messages", R"({"content":"x","room_id":"r"})");
  EXPECT_EQ(asked<chat::PostMessage>().sender, 7u) << "else its token's";
  token.clear();
  call("POST", "/api/messages", R"({"content":"x","room_id":"r"})");
  expect_problem(400, "bad_request", "Content, sender_id, and room_id are required");
}

TEST_F(MessagesTest, one_message) {
  call("GET", "/api/messages/41");
  EXPECT_EQ(asked<chat::FindMessage>().id, 41u);
  EXPECT_EQ(asked<chat::FindMessage>().reader, 7u);
  chat::Event event = message(41);
  reply(chat::MessageFound{event});
  EXPECT_EQ(std::pair(status(), body()), std::pair(200, shown));
  for (const std::string_view method : {"GET", "DELETE"}) {
    for (const std::string_view wrong : {"0", "x", "-1", "9007199254740992", "4.1"}) {
      call(method, "/api/messages/" + std::string{wrong});
      expect_problem(404, "not_found", "Message not found");
    }
  }
  expect_failures_become_statuses("GET", "/api/messages/41");
}

TEST_F(MessagesTest, a_message_is_deleted_by_its_sender_or_in_open_mode_by_anyone) {
  call("DELETE", "/api/messages/41");
  EXPECT_EQ(asked<chat::DeleteMessage>().id, 41u);
  EXPECT_EQ(asked<chat::DeleteMessage>().by, 7u);
  EXPECT_FALSE(asked<chat::DeleteMessage>().anyones);
  reply(chat::MessagePosted{});
  EXPECT_EQ(std::pair(status(), body()),
            std::pair(200, std::string{R"({"message":"Message deleted successfully"})"}));
  expect_failures_become_statuses("DELETE", "/api/messages/41");
  config.auth.mode = AuthMode::open;
  call("DELETE", "/api/messages/41");
  EXPECT_TRUE(asked<chat::DeleteMessage>().anyones);
}

TEST_F(MessagesTest, history_by_page) {
  call("GET", "/api/messages/room/r");
  const chat::ReadPage first = asked<chat::ReadPage>();
  EXPECT_EQ(first.room, "r");
  EXPECT_EQ(first.position, Position::page);
  EXPECT_EQ(first.value, 1u);
  EXPECT_EQ(first.limit, 20u);
  EXPECT_EQ(first.reader, 7u);
  EXPECT_TRUE(first.messages_only);
  call("GET", "/api/messages/room/r?page=3&limit=10");
  EXPECT_EQ(asked<chat::ReadPage>().value, 3u);
  chat::PageRead page;
  page.room = "r";
  page.events = {message(41)};
  page.total = 21;
  page.has_more = false;
  reply(page);
  EXPECT_EQ(status(), 200);
  EXPECT_EQ(body(), R"({"messages":[)" + shown +
                        R"(],"pagination":{"page":3,"limit":10,"total":21,"pages":3,)"
                        R"("hasMore":false}})");
  // A page that is not there is empty, whatever its number.
  for (const std::string_view beyond : {"1000000000", "99999999999", "18446744073709551616"}) {
    call("GET", "/api/messages/room/r?page=" + std::string{beyond});
    EXPECT_EQ(asked<chat::ReadPage>().value, 1'000'000'000u) << beyond;
  }
  for (const std::string_view no_page : {"0", "-1", "x", ""}) {
    call("GET", "/api/messages/room/r?page=" + std::string{no_page});
    EXPECT_EQ(asked<chat::ReadPage>().value, 1u) << no_page;
  }
  expect_failures_become_statuses("GET", "/api/messages/room/r");
}

TEST_F(MessagesTest, history_by_seq) {
  call("GET", "/api/messages/room/r?beforeSeq=50&limit=7");
  EXPECT_EQ(asked<chat::ReadPage>().position, Position::before_seq);
  EXPECT_EQ(asked<chat::ReadPage>().value, 50u);
  EXPECT_EQ(asked<chat::ReadPage>().limit, 7u);
  call("GET", "/api/messages/room/r?afterSeq=50");
  EXPECT_EQ(asked<chat::ReadPage>().position, Position::after_seq);
  EXPECT_EQ(asked<chat::ReadPage>().value, 50u);
  chat::PageRead page;
  page.has_more = true;
  reply(page);
  EXPECT_EQ(field("messages"), "[]");
  EXPECT_NE(field("pagination").find(R"("hasMore":true)"), std::string::npos);
  EXPECT_EQ(field("pagination").find("page\":"), std::string::npos);
  call("GET", "/api/messages/room/r?afterSeq=1&beforeSeq=9");
  expect_problem(400, "bad_request", "Either beforeSeq or afterSeq, not both");
}

TEST_F(MessagesTest, the_newest_messages) {
  call("GET", "/api/messages/room/r/recent");
  EXPECT_EQ(asked<chat::ReadPage>().position, Position::latest);
  EXPECT_EQ(asked<chat::ReadPage>().limit, 20u);
  EXPECT_TRUE(asked<chat::ReadPage>().messages_only);
  for (const std::string_view name : {"lastId", "last_id"}) {
    call("GET", "/api/messages/room/r/recent?limit=101&" + std::string{name} + "=40");
    EXPECT_EQ(asked<chat::ReadPage>().position, Position::after_id);
    EXPECT_EQ(asked<chat::ReadPage>().value, 40u);
    EXPECT_EQ(asked<chat::ReadPage>().limit, 100u);
  }
  chat::PageRead page;
  page.room = "r";
  page.events = {message(41)};
  reply(page);
  EXPECT_EQ(body(), R"({"messages":[)" + shown + R"(],"room_id":"r","count":1})");
  expect_failures_become_statuses("GET", "/api/messages/room/r/recent");
}

TEST_F(MessagesTest, a_room_id_that_is_none_is_refused_everywhere) {
  const std::string too_long(51, 'r');
  for (const std::string& room : {std::string{"no%20room"}, std::string{"a%2Fb"}, too_long}) {
    for (const std::string& path :
         {"/api/messages/room/" + room, "/api/messages/room/" + room + "/recent",
          "/api/messages/stats/room/" + room, "/api/rooms/" + room}) {
      call("GET", path);
      EXPECT_TRUE(status() == 400 || room == "a%2Fb") << path;
      EXPECT_NE(status(), 200) << path;
    }
  }
}

TEST_F(MessagesTest, counts) {
  call("GET", "/api/messages/stats/room/r");
  EXPECT_EQ(asked<chat::CountRoom>().room, "r");
  reply(chat::RoomCounted{"r", 12});
  EXPECT_EQ(body(), R"({"room_id":"r","total_messages":12,"generated_at":")" +
                        std::string{test_now_text} + "\"}");
  call("GET", "/api/messages/stats");
  asked<chat::CountAll>();
  reply(chat::AllCounted{15, {{"r", 12}, {"s", 3}}});
  EXPECT_EQ(body(), R"({"total_messages":15,"room_stats":[{"roomId":"r","messageCount":12},)"
                    R"({"roomId":"s","messageCount":3}],"generated_at":")" +
                        std::string{test_now_text} + "\"}");
  expect_failures_become_statuses("GET", "/api/messages/stats");
  expect_failures_become_statuses("GET", "/api/messages/stats/room/r");
}

TEST_F(MessagesTest, metadata_is_shown_as_it_was_given) {
  call("GET", "/api/messages/41");
  chat::Event event = message(41);
  event.metadata = R"({"a":[1,{"b":null}]})";
  event.message_type = "image";
  reply(chat::MessageFound{event});
  EXPECT_EQ(field("metadata"), R"({"a":[1,{"b":null}]})");
  EXPECT_EQ(field("messageType"), "image");
}

TEST_F(MessagesTest, users_and_rooms_have_their_rates) {
  config.limits.user_messages_per_second = 1;
  config.limits.user_message_burst = 4;
  config.limits.room_messages_per_second = 1;
  config.limits.room_message_burst = 1;
  config.limits.rooms_created_per_hour = 1;
  limit();
  call("POST", "/api/messages", R"({"content":"x","room_id":"r"})");
  EXPECT_TRUE(asked<chat::PostMessage>().may_create);
  chat::MessagePosted posted;
  posted.room = "r";
  posted.created = true;
  posted.event = message(1'000);
  reply(posted);
  EXPECT_EQ(status(), 201);
  call("POST", "/api/messages", R"({"content":"x","room_id":"r"})");
  expect_problem(429, "rate_limited", "Too many messages in this room");
  call("POST", "/api/messages", R"({"content":"x","room_id":"s"})");
  EXPECT_FALSE(asked<chat::PostMessage>().may_create);
  call("GET", "/api/rooms");
  EXPECT_FALSE(answered());
  call("GET", "/api/rooms");
  EXPECT_EQ(status(), 429) << "the fifth call of the user";
  token = keys.mint(7, "ann", test_now, 3'600'000);
  call("GET", "/api/rooms");
  EXPECT_EQ(status(), 429) << "another token is no other user";
}

TEST_F(MessagesTest, metadata_has_its_bytes) {
  config.limits.metadata_bytes = 10;
  call("POST", "/api/messages", R"({"content":"x","room_id":"r","metadata":{"abcd":12}})");
  expect_problem(400, "bad_request", "metadata is a JSON object of at most 10 bytes");
  call("POST", "/api/messages", R"({"content":"x","room_id":"r","metadata":{"abc":12}})");
  EXPECT_FALSE(answered());
}

}  // namespace
}  // namespace starling::api
