// Commands from JSON: every field in both spellings, missing, of the wrong kind, and too long.
#include <gtest/gtest.h>

#include "api/ws_protocol.hpp"

namespace starling::api {
namespace {

using chat::FailureCode;

class CommandsTest : public testing::Test {
 protected:
  template <typename Wanted>
  Wanted read(std::string_view text) {
    auto command = parse_command(json, text);
    if (!command) {
      ADD_FAILURE() << text << ": " << command.error().failure.message;
      return {};
    }
    auto* const wanted = std::get_if<Wanted>(&command->what);
    if (!wanted) ADD_FAILURE() << text << " is something else";
    return wanted ? std::move(*wanted) : Wanted{};
  }
  chat::Rejection refused(std::string_view text) {
    auto command = parse_command(json, text);
    if (command) ADD_FAILURE() << text << " was understood";
    return command ? chat::Rejection{} : command.error();
  }
  void expect_refused(std::string_view text, FailureCode code, std::string_view message) {
    const chat::Rejection rejection = refused(text);
    EXPECT_EQ(rejection.failure.code, code) << text;
    EXPECT_EQ(rejection.failure.message, message) << text;
  }
  // A field's value in a command's place, `rest` being its other fields.
  void expect_wrong(std::string_view type, std::string_view rest, std::string_view field,
                    std::initializer_list<std::string_view> values) {
    for (const std::string_view value : values) {
      std::string text = R"({"type":")" + std::string{type} + R"(")";
      if (!rest.empty()) text.append(",").append(rest);
      text.append(",\"").append(field).append("\":").append(value).append("}");
      expect_refused(text, FailureCode::bad_request,
                     "Missing or invalid field: " + std::string{field});
    }
  }

  proto::JsonReader json{1 << 20};
  const std::string long_text = '"' + std::string(65, 'x') + '"';
  const std::string too_large = "9007199254740992";  // 2^53
};

TEST_F(CommandsTest, what_is_no_json_object_is_bad_json) {
  for (const std::string_view text : {"", "{", "x", "[]", "7", "null", "\"ping\"", "{} {}",
                                      R"({"type":"ping","later":tru})", "{\"type\":\"\xff\"}"}) {
    expect_refused(text, FailureCode::bad_json, "Invalid JSON format");
  }
  std::string deep = R"({"type":"ping","t":)";
  for (int i = 0; i < 40; ++i) deep += '[';
  for (int i = 0; i < 40; ++i) deep += ']';
  expect_refused(deep + "}", FailureCode::bad_json, "Invalid JSON format");
}

TEST_F(CommandsTest, types_that_are_not_known_are_named_so) {
  for (const std::string_view text :
       {"{}", R"({"type":null})", R"({"type":7})", R"({"type":""})", R"({"type":"Ping"})",
        R"({"type":"edit_message"})", R"({"type":"ping "})"}) {
    expect_refused(text, FailureCode::unknown_type, "Unknown message type");
  }
}

TEST_F(CommandsTest, a_ref_comes_back_whatever_is_wrong) {
  const std::string longest(64, 'r');
  const auto good = parse_command(json, R"({"type":"ping","ref":")" + longest + R"("})");
  ASSERT_TRUE(good);
  EXPECT_EQ(good->ref, longest);
  EXPECT_EQ(refused(R"({"type":"nonsense","ref":"a"})").ref, "a");
  const chat::Rejection say =
      refused(R"({"type":"chat_message","ref":"a","client_message_id":"c","content":7})");
  EXPECT_EQ(say.ref, "a");
  EXPECT_EQ(say.client_message_id, "c");
  EXPECT_EQ(refused(R"({"type":"chat_message","clientMessageId":"c"})").client_message_id, "c");
  for (const std::string_view wrong : {std::string_view{long_text}, std::string_view{"7"}}) {
    const auto rejection = refused(R"({"type":"ping","ref":)" + std::string{wrong} + "}");
    EXPECT_EQ(rejection.failure.message, "Missing or invalid field: ref");
    EXPECT_EQ(rejection.ref, "");
  }
}

TEST_F(CommandsTest, auth) {
  const auto empty = read<chat::Authenticate>(R"({"type":"auth","later":1})");
  EXPECT_TRUE(empty.token.empty() && empty.room.empty() && empty.user == 0 && !empty.resume);
  for (const std::string_view text :
       {R"({"type":"auth","token":"t","userId":7,"roomId":"r",)"
        R"("resume":{"epoch":3,"rooms":{"a":1,"b":"2"}}})",
        R"({"type":"auth","access_token":"t","user_id":"7","room_id":"r",)"
        R"("resume":{"epoch":"3","rooms":{"a":1,"b":2}}})",
        R"({"type":"auth","token":"t","senderId":7,"roomId":"r",)"
        R"("resume":{"epoch":3,"rooms":{"a":1,"b":2}}})",
        R"({"type":"auth","token":"t","sender_id":7,"roomId":"r","room_id":"ignored",)"
        R"("resume":{"epoch":3,"rooms":{"a":1,"b":2}}})"}) {
    const auto auth = read<chat::Authenticate>(text);
    EXPECT_EQ(auth.token, "t");
    EXPECT_EQ(auth.user, 7u);
    EXPECT_EQ(auth.room, "r");
    ASSERT_TRUE(auth.resume);
    EXPECT_EQ(auth.resume->epoch, 3u);
    EXPECT_EQ(auth.resume->rooms, (std::map<std::string, chat::Seq>{{"a", 1}, {"b", 2}}));
  }
  EXPECT_EQ(read<chat::Authenticate>(R"({"type":"auth","userId":null,"token":null})").user, 0u);
  expect_wrong("auth", {}, "token", {"7", "{}"});
  expect_wrong("auth", {}, "userId",
               {"0", "-1", "1.5", "\"x\"", "\"\"", "\"1x\"", too_large, "[]"});
  expect_wrong("auth", {}, "roomId", {"7", "\"no room\"", long_text});
  expect_wrong("auth", {}, "resume",
               {"{}", "[]", "7", R"({"epoch":1})", R"({"rooms":{}})", R"({"epoch":-1,"rooms":{}})",
                R"({"epoch":1,"rooms":[]})", R"({"epoch":1,"rooms":{"no room":1}})",
                R"({"epoch":1,"rooms":{"r":-1}})", R"({"epoch":1,"rooms":{"r":null}})"});
}

TEST_F(CommandsTest, auth_resumes_a_thousand_rooms_and_no_more) {
  const auto text = [](int rooms) {
    std::string made = R"({"type":"auth","resume":{"epoch":1,"rooms":{)";
    for (int i = 0; i < rooms; ++i) {
      made.append(i > 0 ? ",\"r" : "\"r").append(std::to_string(i)).append("\":1");
    }
    return made + "}}}";
  };
  EXPECT_EQ(read<chat::Authenticate>(text(1'000)).resume->rooms.size(), 1'000u);
  expect_refused(text(1'001), FailureCode::bad_request, "Missing or invalid field: resume");
}

TEST_F(CommandsTest, join_room) {
  for (const std::string_view text :
       {R"({"type":"join_room","roomId":"r","userId":7,"afterSeq":5,"epoch":3})",
        R"({"type":"join_room","room_id":"r","user_id":"7","after_seq":"5","epoch":"3"})"}) {
    const auto join = read<chat::Join>(text);
    EXPECT_EQ(join.room, "r");
    EXPECT_EQ(join.user, 7u);
    EXPECT_EQ(join.after_seq, 5u);
    EXPECT_EQ(join.epoch, 3u);
  }
  const auto plain = read<chat::Join>(R"({"type":"join_room","roomId":"r"})");
  EXPECT_TRUE(!plain.after_seq && !plain.epoch && plain.user == 0);
  EXPECT_EQ(read<chat::Join>(R"({"type":"join_room","roomId":"r","afterSeq":0})").after_seq, 0u);
  for (const std::string_view text :
       {R"({"type":"join_room"})", R"({"type":"join_room","roomId":""})",
        R"({"type":"join_room","roomId":null})"}) {
    expect_refused(text, FailureCode::bad_request, "Room ID and User ID are required");
  }
  expect_wrong("join_room", {}, "roomId", {"7", "\"no room\"", "\"ä\"", long_text});
  expect_wrong("join_room", R"("roomId":"r")", "afterSeq", {"-1", "1.5", "\"x\"", too_large});
  expect_wrong("join_room", R"("roomId":"r")", "epoch", {"-1", "\"x\"", too_large});
}

TEST_F(CommandsTest, leave_room) {
  EXPECT_EQ(read<chat::Leave>(R"({"type":"leave_room","roomId":"r"})").room, "r");
  EXPECT_EQ(read<chat::Leave>(R"({"type":"leave_room","room_id":"r"})").room, "r");
  expect_refused(R"({"type":"leave_room"})", FailureCode::bad_request,
                 "Missing or invalid field: roomId");
  expect_wrong("leave_room", {}, "roomId", {"7", "\"\"", "null", "\"no room\"", long_text});
}

TEST_F(CommandsTest, chat_message) {
  for (
      const std::string_view text :
      {R"({"type":"chat_message","content":"hi","roomId":"r","userId":7,"clientMessageId":"c",)"
       R"("messageType":"image","metadata":{ "a" : 1 }})",
       R"({"type":"chat_message","content":"hi","room_id":"r","user_id":7,"client_message_id":"c",)"
       R"("message_type":"image","metadata":{"a":1}})"}) {
    const auto say = read<chat::Say>(text);
    EXPECT_EQ(say.content, "hi");
    EXPECT_EQ(say.room, "r");
    EXPECT_EQ(say.user, 7u);
    EXPECT_EQ(say.client_message_id, "c");
    EXPECT_EQ(say.message_type, "image");
    EXPECT_EQ(say.metadata, R"({"a":1})");
  }
  const auto plain = read<chat::Say>(R"({"type":"chat_message","content":"\u0000\ud83d\udc26"})");
  EXPECT_EQ(plain.content, std::string("\0\xf0\x9f\x90\xa6", 5));
  EXPECT_EQ(plain.message_type, "text");
  EXPECT_TRUE(plain.room.empty() && plain.client_message_id.empty() && plain.metadata.empty());
  for (const std::string_view content : {"7", "\"\"", "null", "[]"}) {
    expect_refused(R"({"type":"chat_message","roomId":"r","content":)" + std::string{content} + "}",
                   FailureCode::bad_request, "Content and user ID are required");
  }
  expect_refused(R"({"type":"chat_message","roomId":"r"})", FailureCode::bad_request,
                 "Content and user ID are required");
  const std::string_view rest = R"("content":"x","roomId":"r")";
  expect_wrong("chat_message", rest, "clientMessageId", {"7", "\"a b\"", "\"\\u00e4\"", long_text});
  expect_wrong("chat_message", rest, "messageType", {"7", "\"No\"", long_text});
  expect_wrong("chat_message", rest, "metadata", {"7", "[1]", "\"{}\"", "true"});
  const std::string fits = R"({"a":")" + std::string(chat::max_metadata_bytes - 8, 'x') + R"("})";
  EXPECT_EQ(read<chat::Say>(R"({"type":"chat_message","content":"x","metadata":)" + fits + "}")
                .metadata.size(),
            chat::max_metadata_bytes);
  const std::string larger =
      R"({"ab":")" + std::string(chat::max_metadata_bytes - 8, 'x') + R"("})";
  expect_wrong("chat_message", rest, "metadata", {larger});
}

TEST_F(CommandsTest, get_recent_messages) {
  const auto plain = read<chat::GetRecent>(R"({"type":"get_recent_messages","roomId":"r"})");
  EXPECT_EQ(plain.room, "r");
  EXPECT_EQ(plain.limit, 20u);
  EXPECT_TRUE(!plain.before_seq && !plain.after_seq);
  for (const auto& [given, limit] : {std::pair{"0", 1u},
                                     {"1", 1u},
                                     {"100", 100u},
                                     {"101", 100u},
                                     {"\"7\"", 7u},
                                     {"9007199254740991", 100u}}) {
    EXPECT_EQ(read<chat::GetRecent>(R"({"type":"get_recent_messages","roomId":"r","limit":)" +
                                    std::string{given} + "}")
                  .limit,
              limit);
  }
  EXPECT_EQ(read<chat::GetRecent>(R"({"type":"get_recent_messages","room_id":"r","before_seq":5})")
                .before_seq,
            5u);
  EXPECT_EQ(read<chat::GetRecent>(R"({"type":"get_recent_messages","roomId":"r","afterSeq":5})")
                .after_seq,
            5u);
  expect_refused(R"({"type":"get_recent_messages","roomId":"r","afterSeq":5,"beforeSeq":9})",
                 FailureCode::bad_request, "Either beforeSeq or afterSeq, not both");
  const std::string_view rest = R"("roomId":"r")";
  expect_wrong("get_recent_messages", rest, "limit", {"-1", "1.5", "\"x\"", "[]", too_large});
  expect_wrong("get_recent_messages", rest, "beforeSeq", {"-1", "\"\"", too_large});
  expect_wrong("get_recent_messages", rest, "afterSeq", {"-1", "{}", too_large});
  expect_wrong("get_recent_messages", {}, "roomId", {"7", "\"no room\"", long_text});
}

TEST_F(CommandsTest, typing) {
  for (const std::string_view name : {"isTyping", "is_typing"}) {
    for (const bool truth : {true, false}) {
      const auto typing =
          read<chat::Typing>(R"({"type":"typing","roomId":"r",")" + std::string{name} +
                             "\":" + (truth ? "true" : "false") + "}");
      EXPECT_EQ(typing.room, "r");
      EXPECT_EQ(typing.typing, truth);
    }
  }
  expect_wrong("typing", R"("roomId":"r")", "isTyping", {"1", "\"true\"", "null"});
  expect_wrong("typing", R"("isTyping":true)", "roomId", {"7", "\"\"", "\"no room\""});
}

TEST_F(CommandsTest, mark_read) {
  const auto mark = read<chat::SetRead>(R"({"type":"mark_read","room_id":"r","seq":"12"})");
  EXPECT_EQ(mark.room, "r");
  EXPECT_EQ(mark.seq, 12u);
  EXPECT_EQ(read<chat::SetRead>(R"({"type":"mark_read","roomId":"r","seq":0})").seq, 0u);
  expect_wrong("mark_read", R"("roomId":"r")", "seq", {"-1", "null", "\"x\"", "1.5", too_large});
  expect_wrong("mark_read", R"("seq":1)", "roomId", {"7", "\"\"", "\"no room\""});
}

TEST_F(CommandsTest, ping) {
  EXPECT_EQ(read<chat::Ping>(R"({"type":"ping"})").t, "");
  EXPECT_EQ(read<chat::Ping>(R"({"type":"ping","t":null})").t, "");
  for (const std::string_view t : {"7", "1.5", "\"x\"", R"({"a":[1,null]})", "false"}) {
    EXPECT_EQ(read<chat::Ping>(R"({"type":"ping","t":)" + std::string{t} + "}").t, t);
  }
  const std::string fits = '"' + std::string(254, 'x') + '"';
  EXPECT_EQ(read<chat::Ping>(R"({"type":"ping","t":)" + fits + "}").t, fits);
  expect_refused(R"({"type":"ping","t":"x)" + fits.substr(1) + "}", FailureCode::bad_request,
                 "Missing or invalid field: t");
}

}  // namespace
}  // namespace starling::api
