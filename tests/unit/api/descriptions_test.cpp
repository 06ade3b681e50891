// What api/*.json tell machines about this program: every route, command, frame and error code, and
// nothing else. Whether what is told of each is true is for tests/e2e.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>

#include "api/rest.hpp"
#include "api/ws_protocol.hpp"

namespace starling::api {
namespace {

class DescriptionsTest : public testing::Test {
 protected:
  proto::JsonValue read(const std::string& name) {
    std::ifstream file{API_FOLDER "/" + name};
    std::ostringstream text;
    text << file.rdbuf();
    const std::optional<proto::JsonValue> document = json_.parse(text.str());
    if (!document) throw std::runtime_error(name + " is no JSON");
    return *document;
  }
  // The value at the end of a way through objects.
  static proto::JsonValue at(proto::JsonValue value,
                             std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) value = value.member(name).value();
    return value;
  }

 private:
  proto::JsonReader json_{1 << 20};
};

using Names = std::set<std::string>;

// "{roomId}" is "{}" in the program's table.
std::string without_names(std::string_view path) {
  std::string bare;
  bool inside = false;
  for (const char c : path) {
    if (c == '}') inside = false;
    if (!inside) bare += c;
    if (c == '{') inside = true;
  }
  return bare;
}

std::string lower(std::string_view text) {
  std::string small{text};
  for (char& c : small) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return small;
}

TEST_F(DescriptionsTest, every_route_is_described_and_every_described_route_is_there) {
  Names routes;
  for (const RouteEntry& route : rest_routes()) {
    routes.insert(lower(to_string(route.method)) + " " + std::string{route.path} +
                  (route.for_everybody ? " for everybody" : ""));
  }
  Names described;
  at(read("openapi.json"), {"paths"})
      .for_each_member([&](std::string_view path, const proto::JsonValue& operations) {
        if (!path.starts_with("/api/")) return;
        operations.for_each_member([&](std::string_view method, const proto::JsonValue& operation) {
          const auto security = operation.member("security");
          const std::string text = security ? security->text() : "";
          const bool for_everybody = text == "[]" || text.starts_with("[{},");
          described.insert(std::string{method} + " " + without_names(path) +
                           (for_everybody ? " for everybody" : ""));
        });
      });
  EXPECT_EQ(described, routes);
}

TEST_F(DescriptionsTest, every_command_and_frame_is_described_and_no_other) {
  Names spoken;
  for (const std::string_view type : command_types()) spoken.insert(std::string{type} + "_command");
  for (const std::string_view type : frame_types) spoken.insert(std::string{type} + "_frame");
  Names described;
  Names in_channel;
  const proto::JsonValue document = read("asyncapi.json");
  at(document, {"components", "messages"})
      .for_each_member([&](std::string_view name, const proto::JsonValue& message) {
        described.insert(std::string{name});
        const std::string_view type = name.substr(0, name.rfind('_'));
        EXPECT_EQ(at(message, {"name"}).string(), type);
      });
  at(document, {"channels", "socket", "messages"})
      .for_each_member([&](std::string_view name, const proto::JsonValue&) {
        in_channel.insert(std::string{name});
      });
  EXPECT_EQ(described, spoken);
  EXPECT_EQ(in_channel, spoken);
}

TEST_F(DescriptionsTest, error_codes_are_those_of_the_program) {
  std::string codes = "[";
  for (int i = 0; i <= static_cast<int>(chat::FailureCode::internal); ++i) {
    if (i > 0) codes += ",";
    codes.append("\"").append(chat::to_string(static_cast<chat::FailureCode>(i))).append("\"");
  }
  codes += "]";
  EXPECT_EQ(
      at(read("openapi.json"), {"components", "schemas", "Problem", "properties", "code", "enum"})
          .text(),
      codes);
  EXPECT_EQ(at(read("asyncapi.json"),
               {"components", "messages", "error_frame", "payload", "properties", "code", "enum"})
                .text(),
            codes);
}

}  // namespace
}  // namespace starling::api
