// A text message as a command.
#include "api/ws_protocol.hpp"
#include "input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  static proto::JsonReader json{64 * 1024};
  const std::string_view text = fuzz::Input{data, size}.rest();
  const auto command = api::parse_command(json, text);
  const std::string& ref = command ? command->ref : command.error().ref;
  fuzz::require(ref.size() <= 64, "a ref is bounded");
  if (const auto document = json.parse(text)) {
    const std::string compact = document->text();
    const auto again = json.parse(compact);
    fuzz::require(again && again->text() == compact, "JSON of ours is JSON, and the same");
  }
  return 0;
}
