// A stream of requests: the same requests and the same verdict however it is cut; and handshakes.
// With a PROXY header before them, where the first byte says so.
#include "proto/http.hpp"
#include "input.hpp"
#include "proto/handshake.hpp"
#include "proto/proxy_header.hpp"

namespace starling::fuzz {
namespace {

using proto::HttpReader;

// What was read, in text.
std::string read(std::string_view stream, unsigned seed, bool by_proxy) {
  HttpReader reader{2'000};
  proto::ProxyHeaderReader proxy;
  std::string heard;
  std::string kept;
  for (const std::string_view piece : pieces_of(stream, seed)) {
    kept += piece;
    if (by_proxy) {
      using State = proto::ProxyHeaderReader::State;
      kept.erase(0, proxy.feed(as_bytes(kept)));
      if (proxy.state() == State::malformed) return "no PROXY header";
      if (proxy.state() == State::reading) {
        require(kept.empty(), "all of a header is taken");
        continue;
      }
      by_proxy = false;
      heard.append(proxy.header().source ? proxy.header().source->subscriber() : "itself");
      heard.append(proxy.header().tls ? " over TLS " : " ");
    }
    for (;;) {
      const std::size_t taken = reader.feed(as_bytes(kept));
      require(taken <= kept.size(), "no more is taken than there is");
      kept.erase(0, taken);
      if (reader.state() != HttpReader::State::complete) break;
      const proto::HttpRequest& request = reader.request();
      require(request.body.size() <= 2'000, "a body is bounded");
      heard.append(to_string(request.method)).append(" ").append(request.target).append(" ");
      heard.append(request.path).append(request.keep_alive ? " " : " close ");
      for (const auto& [name, value] : request.query) heard.append(name).append("=").append(value);
      for (const auto& [name, value] : request.headers) {
        heard.append(name).append(":").append(value).append("\n");
      }
      heard.append(request.body);
      if (request.upgrade) {
        const proto::Handshake handshake = proto::answer_upgrade(request, {"starling.v1", true});
        proto::append_response(heard, handshake.response, 0, true, false);
        return heard;
      }
      if (!request.keep_alive) return heard;
      reader.next();
    }
    if (reader.state() == HttpReader::State::refused) {
      heard.append("refused ").append(std::to_string(reader.status()));
      if (reader.refused_head()) heard.append(" head");
      return heard;
    }
  }
  return heard;
}

}  // namespace
}  // namespace starling::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  starling::fuzz::Input input{data, size};
  const unsigned first = input.byte();
  const unsigned seed = first & 0x7fu;
  const bool by_proxy = first >= 0x80;
  const std::string whole = starling::fuzz::read(input.rest(), 0, by_proxy);
  starling::fuzz::require(starling::fuzz::read(input.rest(), seed, by_proxy) == whole,
                          "one verdict wherever the bytes are cut");
  return 0;
}
