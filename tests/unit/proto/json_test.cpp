#include <gtest/gtest.h>

#include <random>

#include "proto/json_reader.hpp"
#include "proto/json_writer.hpp"

namespace starling::proto {
namespace {

TEST(JsonReaderTest, the_whole_document_must_be_valid) {
  JsonReader reader{10'000};
  for (const char* bad :
       {"", "{", "{\"a\":1} x", "{\"a\":1,}", "{\"a\":tru}", "{\"a\":\"\\ud800\"}",
        "{\"a\":\"\xff\"}", "{\"a\":\"\n\"}", "nul", "01"}) {
    EXPECT_FALSE(reader.parse(bad)) << bad;
  }
  EXPECT_FALSE(reader.parse(std::string(40, '[') + std::string(40, ']')));
  EXPECT_FALSE(reader.parse('"' + std::string(10'000, 'x') + '"'));
  EXPECT_TRUE(reader.parse("{\"a\":{\"b\":[1,2,null]}}"));
}

TEST(JsonReaderTest, values_have_their_types) {
  JsonReader reader{10'000};
  const auto value = reader.parse(
      R"({"s":"a\u00fc\n","n":9007199254740991,"neg":-1,"f":1.5,"t":true,"z":null,"o":{ "k" : [1] },"s":"2nd"})");
  ASSERT_TRUE(value);
  EXPECT_EQ(value->member("s")->string(), "aü\n");
  EXPECT_EQ(value->member("n")->unsigned_integer(), 9'007'199'254'740'991u);
  EXPECT_FALSE(value->member("neg")->unsigned_integer());
  EXPECT_FALSE(value->member("f")->unsigned_integer());
  EXPECT_EQ(value->member("t")->boolean(), true);
  EXPECT_TRUE(value->member("z")->is_null());
  EXPECT_EQ(value->member("o")->text(), R"({"k":[1]})");
  EXPECT_FALSE(value->member("none"));
  std::string keys;
  value->for_each_member([&](std::string_view key, const JsonValue&) { keys += key; });
  EXPECT_EQ(keys, "snnegftzos");
}

TEST(JsonWriterTest, puts_commas_where_they_belong) {
  std::string out;
  JsonWriter json{out};
  json.begin_object().field("a", 1).field("b", "x\"y").key("c").begin_array();
  json.value(true).null().begin_object().end_object().end_array();
  json.key("t").time(0).end_object();
  EXPECT_EQ(out, R"({"a":1,"b":"x\"y","c":[true,null,{}],"t":"1970-01-01T00:00:00.000Z"})");
}

TEST(JsonWriterTest, any_text_comes_back_as_it_was) {
  std::mt19937 random{3};
  JsonReader reader{100'000};
  for (int round = 0; round < 5'000; ++round) {
    std::string text;
    for (std::size_t i = random() % 50; i > 0; --i) {
      switch (random() % 5) {
        case 0:
          text += static_cast<char>(random() % 32);
          break;
        case 1:
          text += "\"\\/"[random() % 3];
          break;
        case 2:
          text += "ü";
          break;
        case 3:
          text += "\U0001f426";
          break;
        default:
          text += static_cast<char>(32 + random() % 95);
      }
    }
    std::string json;
    append_json_string(json, text);
    const auto value = reader.parse(json);
    ASSERT_TRUE(value) << json;
    ASSERT_EQ(value->string(), text);
  }
}

}  // namespace
}  // namespace starling::proto
