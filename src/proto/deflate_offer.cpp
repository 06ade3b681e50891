// The negotiation of permessage-deflate: what a client offers in Sec-WebSocket-Extensions.
#include <algorithm>
#include <optional>
#include <vector>

#include "proto/deflate.hpp"
#include "proto/tokens.hpp"

namespace starling::proto {
namespace {

constexpr std::string_view extension_name = "permessage-deflate";

struct Parameter {
  std::string name;
  std::optional<std::string> value;
};

struct Offer {
  std::string extension;
  std::vector<Parameter> parameters;
};

// RFC 6455, section 9.1: 1#(token *(";" token ["=" (token | quoted token)])), where empty elements
// of the list are skipped (RFC 9110, section 5.6.1.2).
class OfferParser {
 public:
  explicit OfferParser(std::string_view text) : rest_(text) {}

  // False: the text breaks the grammar.
  bool read_into(std::vector<Offer>& offers) {
    for (;;) {
      while (skip(',')) {
      }
      if (rest_.empty()) return true;
      Offer offer;
      if (!read_token(offer.extension)) return false;
      while (skip(';')) {
        if (!read_parameter(offer.parameters.emplace_back())) return false;
      }
      offers.push_back(std::move(offer));
      if (!rest_.empty() && rest_.front() != ',') return false;
    }
  }

 private:
  bool skip(char mark) {
    rest_ = trim(rest_);
    if (rest_.empty() || rest_.front() != mark) return false;
    rest_ = trim(rest_.substr(1));
    return true;
  }
  bool read_token(std::string& token) {
    const auto end = std::ranges::find_if_not(rest_, is_token_char);
    const auto size = static_cast<std::size_t>(end - rest_.begin());
    token = rest_.substr(0, size);
    rest_ = trim(rest_.substr(size));
    return size > 0;
  }
  bool read_parameter(Parameter& parameter) {
    if (!read_token(parameter.name)) return false;
    if (!skip('=')) return true;
    std::string& value = parameter.value.emplace();
    return !rest_.empty() && rest_.front() == '"' ? read_quoted(value) : read_token(value);
  }
  // What is quoted is a token all the same.
  bool read_quoted(std::string& value) {
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '"') {
      if (rest_.front() == '\\') rest_.remove_prefix(1);
      if (rest_.empty() || !is_token_char(rest_.front())) return false;
      value += rest_.front();
      rest_.remove_prefix(1);
    }
    if (rest_.empty() || value.empty()) return false;
    rest_ = trim(rest_.substr(1));
    return true;
  }

  std::string_view rest_;
};

// 8 to 15, without a zero before it (RFC 7692, section 7.1.2.1).
std::optional<unsigned> window_bits_of(const std::string& text) {
  constexpr std::string_view values[] = {"8", "9", "10", "11", "12", "13", "14", "15"};
  const auto found = std::ranges::find(values, std::string_view{text});
  if (found == std::end(values)) return std::nullopt;
  return static_cast<unsigned>(found - std::begin(values)) + 8;
}

// Whether the offer is valid; and then what was asked of the server's window.
bool read_offer(const Offer& offer, std::optional<unsigned>& server_bits) {
  if (!equal_ignoring_case(offer.extension, extension_name)) return false;
  std::vector<std::string_view> seen;
  for (const auto& [name, value] : offer.parameters) {
    if (std::ranges::find(seen, std::string_view{name}) != seen.end()) return false;
    seen.emplace_back(name);
    if (name == "server_no_context_takeover" || name == "client_no_context_takeover") {
      if (value) return false;
    } else if (name == "server_max_window_bits") {
      if (!value) return false;
      server_bits = window_bits_of(*value);
      if (!server_bits) return false;
    } else if (name == "client_max_window_bits") {
      if (value && !window_bits_of(*value)) return false;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace

DeflateAgreement agree_on_deflate(const HttpRequest& request) {
  DeflateAgreement agreement;
  std::vector<Offer> offers;
  for (const auto& [name, value] : request.headers) {
    if (name != "sec-websocket-extensions") continue;
    if (OfferParser{value}.read_into(offers)) continue;
    agreement.malformed = true;
    return agreement;
  }
  for (const Offer& offer : offers) {
    std::optional<unsigned> server_bits;
    if (!read_offer(offer, server_bits)) continue;
    agreement.window_bits = server_bits.value_or(15);
    // Both sides forget each message, whether the client asked for it or not (section 7.1.1). Of
    // the client's window nothing is said: a reader with the largest reads every smaller one.
    agreement.response =
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover";
    if (server_bits) {
      agreement.response += "; server_max_window_bits=" + std::to_string(*server_bits);
    }
    break;
  }
  return agreement;
}

}  // namespace starling::proto
