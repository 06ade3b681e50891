// What the server sends. Each frame is parsed back whole before it is compared.
#include <gtest/gtest.h>

#include "api/ws_protocol.hpp"
#include "starling/version.hpp"

namespace starling::api {
namespace {

constexpr base::WallMs at = 1'795'000'000'000;
#define AT R"("2026-11-18T11:06:40.000Z")"

void expect_frame(const std::string& frame, const std::string& wanted) {
  proto::JsonReader json{1 << 20};
  const auto parsed = json.parse(frame);
  ASSERT_TRUE(parsed) << frame;
  EXPECT_EQ(parsed->text(), wanted);
}

chat::Event message() {
  chat::Event event;
  event.id = 41;
  event.seq = 5;
  event.room = "r";
  event.sender = 7;
  event.sender_name = "ann";
  event.content = "\"quoted\"\n\\";
  event.timestamp = at;
  return event;
}

const std::string live_message =
    R"({"type":"chat_message","id":41,"seq":5,"roomId":"r","content":"\"quoted\"\n\\","senderId":7,)"
    R"("senderUsername":"ann","messageType":"text","timestamp":)" AT "}";

TEST(FramesTest, welcome) {
  expect_frame(welcome({"server-1", 9, 30'000, 4'096, 200}),
               R"({"type":"welcome","server":"starling","version":")" + std::string{version} +
                   R"(","serverId":"server-1","epoch":9,"heartbeatMs":30000,)"
                   R"("limits":{"maxMessageBytes":4096,"maxRooms":200}})");
}

TEST(FramesTest, auth_success) {
  chat::SessionOpened opened;
  opened.user.id = 7;
  opened.user.username = "ann";
  opened.epoch = 9;
  opened.rooms = {{"r", 12, 10, 2}, {"s", 0, 0, 0}};
  expect_frame(
      auth_success(opened, "r", "s1", chat::Dialect::compatible, {}),
      R"({"type":"auth_success","userId":7,"username":"ann","roomId":"r","sessionId":"s1"})");
  expect_frame(
      auth_success(opened, {}, "s1", chat::Dialect::v1, "ref"),
      R"({"type":"auth_success","userId":7,"username":"ann","roomId":null,"sessionId":"s1",)"
      R"("epoch":9,"rooms":[{"roomId":"r","headSeq":12,"readSeq":10,"unread":2},)"
      R"({"roomId":"s","headSeq":0,"readSeq":0,"unread":0}],"ref":"ref"})");
}

TEST(FramesTest, rooms) {
  const std::vector<chat::UserId> online{7, 9'007'199'254'740'991};
  expect_frame(room_joined({"r", 12, 10, 2, 9}, online, 300, "x"),
               R"({"type":"room_joined","roomId":"r","onlineUsers":[7,9007199254740991],)"
               R"("onlineCount":300,"headSeq":12,"readSeq":10,"unread":2,"ref":"x"})");
  expect_frame(room_joined({"r", 0, 0, 0, 9}, {}, 0, {}),
               R"({"type":"room_joined","roomId":"r","onlineUsers":[],"onlineCount":0,"headSeq":0,)"
               R"("readSeq":0,"unread":0})");
  expect_frame(room_left("r", "x"), R"({"type":"room_left","roomId":"r","ref":"x"})");
}

TEST(FramesTest, message_sent) {
  chat::MessagePosted posted;
  posted.id = 41;
  posted.seq = 5;
  posted.room = "r";
  posted.timestamp = at;
  posted.duplicate = true;
  expect_frame(message_sent(posted, "c", "x"),
               R"({"type":"message_sent","clientMessageId":"c","id":41,"seq":5,"roomId":"r",)"
               R"("timestamp":)" AT R"(,"duplicate":true,"ref":"x"})");
}

TEST(FramesTest, recent_messages) {
  chat::PageRead page;
  page.room = "r";
  expect_frame(recent_messages(page, {}),
               R"({"type":"recent_messages","roomId":"r","messages":[],"fromSeq":0,"toSeq":0,)"
               R"("hasMore":false})");
  page.events = {message(), message()};
  page.events[1].seq = 6;
  page.events[1].deleted = true;
  page.has_more = true;
  expect_frame(recent_messages(page, "x"),
               R"({"type":"recent_messages","roomId":"r","messages":[)" + live_message +
                   R"(,{"type":"chat_message","id":41,"seq":6,"roomId":"r","deleted":true}],)"
                   R"("fromSeq":5,"toSeq":6,"hasMore":true,"ref":"x"})");
}

TEST(FramesTest, presence) {
  const std::string rest =
      R"("roomId":"r","userId":7,"username":"ann","onlineCount":2,"timestamp":)" AT "}";
  expect_frame(user_joined("r", 7, "ann", 2, at), R"({"type":"user_joined",)" + rest);
  expect_frame(user_left("r", 7, "ann", 2, at), R"({"type":"user_left",)" + rest);
  expect_frame(presence_count("r", 201),
               R"({"type":"presence_count","roomId":"r","onlineCount":201})");
  expect_frame(
      user_status({7, "ann", false, at}, at + 1),
      R"({"type":"user_status","userId":7,"username":"ann","isOnline":false,"lastSeenAt":)" AT
      R"(,"timestamp":"2026-11-18T11:06:40.001Z"})");
  expect_frame(typing({"r", 7, "ann", true}),
               R"({"type":"typing","roomId":"r","userId":7,"username":"ann","isTyping":true})");
  expect_frame(
      read_update({0, "r", 7, 12, 20, 3}, {}),
      R"({"type":"read_update","roomId":"r","userId":7,"seq":12,"headSeq":20,"unread":3})");
}

TEST(FramesTest, trouble) {
  expect_frame(gap("r", 3, 9, "too_many", {}),
               R"({"type":"gap","roomId":"r","fromSeq":3,"toSeq":9,"reason":"too_many"})");
  expect_frame(gap("r", 0, 9, "epoch", 4),
               R"({"type":"gap","roomId":"r","fromSeq":0,"toSeq":9,"reason":"epoch","epoch":4})");
  expect_frame(reconnect(250, "drain"), R"({"type":"reconnect","afterMs":250,"reason":"drain"})");
  expect_frame(notice("warning", "degraded", "why"),
               R"({"type":"notice","level":"warning","code":"degraded","message":"why"})");
  expect_frame(error({chat::FailureCode::rate_limited, "slower"}, "x", "c", 40),
               R"({"type":"error","code":"rate_limited","message":"slower","clientMessageId":"c",)"
               R"("retryable":true,"retryAfterMs":40,"ref":"x"})");
}

TEST(FramesTest, every_error_code_and_whether_it_is_worth_a_retry) {
  using chat::FailureCode;
  const std::tuple<FailureCode, std::string, bool> table[] = {
      {FailureCode::bad_json, "bad_json", false},
      {FailureCode::unknown_type, "unknown_type", false},
      {FailureCode::bad_request, "bad_request", false},
      {FailureCode::unauthenticated, "unauthenticated", false},
      {FailureCode::forbidden, "forbidden", false},
      {FailureCode::not_found, "not_found", false},
      {FailureCode::not_in_room, "not_in_room", false},
      {FailureCode::too_large, "too_large", false},
      {FailureCode::rate_limited, "rate_limited", true},
      {FailureCode::unavailable, "unavailable", true},
      {FailureCode::internal, "internal", false},
  };
  for (const auto& [code, name, retryable] : table) {
    expect_frame(error({code, "m"}, {}, {}, {}), R"({"type":"error","code":")" + name +
                                                     R"(","message":"m","retryable":)" +
                                                     (retryable ? "true}" : "false}"));
  }
}

TEST(FramesTest, pong_gives_back_what_came) {
  expect_frame(pong(R"({"a":[1.5,null]})", at, "x"),
               R"({"type":"pong","t":{"a":[1.5,null]},"timestamp":)" AT R"(,"ref":"x"})");
  expect_frame(pong({}, at, {}), R"({"type":"pong","timestamp":)" AT "}");
}

TEST(FramesTest, an_event_in_history_and_live) {
  chat::Event event = message();
  std::string text;
  append_event(text, event);
  expect_frame(text, live_message);

  event.client_message_id = "c";
  event.metadata = R"({"a":1})";
  event.message_type = "image";
  text.clear();
  append_event(text, event);
  expect_frame(text,
               R"({"type":"chat_message","id":41,"seq":5,"roomId":"r","content":"\"quoted\"\n\\",)"
               R"("senderId":7,"senderUsername":"ann","messageType":"image","metadata":{"a":1},)"
               R"("timestamp":)" AT R"(,"clientMessageId":"c"})");

  // Live frames are the same bytes for all: nobody's client id is among them.
  std::string frame;
  FrameEncoder{}.append_frame(event, frame);
  ASSERT_EQ(static_cast<unsigned char>(frame[0]), 0x81u);
  const std::size_t header = static_cast<unsigned char>(frame[1]) < 126 ? 2 : 4;
  EXPECT_EQ(frame.find("clientMessageId"), std::string::npos);
  event.client_message_id.clear();
  text.clear();
  append_event(text, event);
  EXPECT_EQ(frame.substr(header), text);
}

TEST(FramesTest, a_deletion) {
  chat::Event event = message();
  event.kind = chat::EventKind::deletion;
  event.seq = 8;
  event.of_seq = 5;
  event.of_id = 41;
  event.id = 44;
  std::string text;
  append_event(text, event);
  expect_frame(text, R"({"type":"message_deleted","roomId":"r","id":41,"seq":8,"ofSeq":5,)"
                     R"("byUserId":7,"timestamp":)" AT "}");
}

}  // namespace
}  // namespace starling::api
