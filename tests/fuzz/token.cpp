// Tokens: nothing is one that was not made with the key.
#include "api/identity.hpp"
#include "input.hpp"

namespace starling::fuzz {
namespace {

constexpr base::WallMs now = 1'795'000'000'000;

const api::TokenKeys& keys() {
  static const api::TokenKeys made =
      std::move(*api::TokenKeys::from_secret("a secret for fuzzing"));
  return made;
}

// The part of a token that is signed, and its signature; only the form of the last character of
// base64 leaves bits open.
bool same_but_for_the_form(std::string_view one, std::string_view other) {
  return one.substr(0, one.size() - 1) == other.substr(0, other.size() - 1);
}

}  // namespace
}  // namespace starling::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  static const std::string valid = fuzz::keys().mint(7, "ann", fuzz::now, 60'000);
  static const bool works = fuzz::keys().verify(valid, fuzz::now).has_value();
  fuzz::require(works, "a token of ours is one");
  fuzz::Input input{data, size};
  const unsigned way = input.byte();
  std::string token;
  if (way % 2 == 0) {
    token = input.rest();
  } else {  // ours, with some bytes changed
    token = valid;
    while (input.rest().size() >= 2) {
      const unsigned at = input.byte();
      token[at * (token.size() - 1) / 255] = static_cast<char>(input.byte());
    }
  }
  const auto identity = fuzz::keys().verify(token, fuzz::now);
  fuzz::require(!identity || fuzz::same_but_for_the_form(token, valid),
                "nobody else makes a token of ours");

  proto::HttpRequest request;
  request.headers.emplace_back(way % 3 == 0 ? "authorization" : "cookie", input.rest());
  const std::string_view found = api::token_of(request);
  fuzz::require(found.size() <= input.rest().size(), "a token stands in its header");
  return 0;
}
