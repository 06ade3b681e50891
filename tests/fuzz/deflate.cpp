// Inflating anything; deflating anything and inflating it again; offers of the extension.
#include "proto/deflate.hpp"
#include "../unit/proto/inflate.hpp"
#include "input.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace starling;
  using Result = proto::Inflater::Result;
  constexpr std::size_t most = 8'192;
  static proto::Inflater inflater;
  static proto::Deflater deflater;
  fuzz::Input input{data, size};
  const unsigned window_bits = 8 + input.byte() % 8;
  const std::string_view text = input.rest();

  const auto [result, out, slices] = proto::inflate(inflater, text, most);
  fuzz::require(out.size() <= most + 1, "what comes out is bounded");
  fuzz::require(result != Result::whole || out.size() <= most, "too much is no message");

  const std::string deflated = deflater.deflate(text, window_bits);
  fuzz::require(deflated.size() <= proto::max_deflated_bytes(text.size()), "overhead is bounded");
  const proto::Inflated back = proto::inflate(inflater, deflated, text.size());
  fuzz::require(back.result == Result::whole && back.out == text, "what was deflated comes back");

  proto::HttpRequest request;
  request.headers.emplace_back("sec-websocket-extensions", text);
  const proto::DeflateAgreement agreement = proto::agree_on_deflate(request);
  fuzz::require(agreement.response.empty() == (agreement.window_bits == 0),
                "an agreement is answered");
  fuzz::require(!agreement.malformed || agreement.window_bits == 0, "nothing malformed is agreed");
  return 0;
}
