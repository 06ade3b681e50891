#include "proto/negotiation.hpp"

#include <algorithm>
#include <cstddef>
#include <optional>

#include "proto/tokens.hpp"

namespace starling::proto {
namespace {

constexpr unsigned full_weight = 1'000;

// qvalue: "0" or "1", then at most three decimals; "1" has only zeros there.
std::optional<unsigned> weight_of(std::string_view text) {
  if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
  if (text.size() > 5 || (text.size() > 1 && text[1] != '.')) return std::nullopt;
  unsigned weight = text[0] == '1' ? full_weight : 0;
  unsigned place = full_weight / 10;
  for (const char digit : text.substr(std::min<std::size_t>(2, text.size()))) {
    if (digit < '0' || digit > '9') return std::nullopt;
    weight += static_cast<unsigned>(digit - '0') * place;
    place /= 10;
  }
  return weight <= full_weight ? std::optional{weight} : std::nullopt;
}

struct WeightedCoding {
  std::string_view name;
  unsigned weight = full_weight;
};

// One element: a coding, and perhaps ";q=" with its weight.
std::optional<WeightedCoding> coding_of(std::string_view element) {
  const std::size_t semicolon = std::min(element.find(';'), element.size());
  WeightedCoding coding{trim(element.substr(0, semicolon))};
  if (semicolon == element.size()) return coding;
  const std::string_view parameter = trim(element.substr(semicolon + 1));
  if (parameter.size() < 2 || !equal_ignoring_case(parameter.substr(0, 2), "q=")) {
    return std::nullopt;
  }
  const std::optional<unsigned> weight = weight_of(parameter.substr(2));
  if (!weight) return std::nullopt;
  coding.weight = *weight;
  return coding;
}

// Takes the next entity tag off a list, without W/; empty: there is no further one.
std::string_view next_entity_tag(std::string_view& list) {
  const std::size_t open = list.find('"');
  const std::size_t close = open == std::string_view::npos ? open : list.find('"', open + 1);
  if (close == std::string_view::npos) return {};
  const std::string_view tag = list.substr(open, close + 1 - open);
  list.remove_prefix(close + 1);
  return tag;
}

}  // namespace

CodingWeights coding_weights(const HttpRequest& request) {
  std::optional<unsigned> identity, gzip, br, any;
  for (const auto& [name, value] : request.headers) {
    if (name != "accept-encoding") continue;
    for (std::string_view list = value; !list.empty();) {
      const std::size_t comma = std::min(list.find(','), list.size());
      const std::optional<WeightedCoding> coding = coding_of(list.substr(0, comma));
      list.remove_prefix(std::min(comma + 1, list.size()));
      if (!coding) continue;
      const auto is = [&](std::string_view wanted) {
        return equal_ignoring_case(coding->name, wanted);
      };
      if (is("identity")) identity = coding->weight;
      if (is("gzip") || is("x-gzip")) gzip = coding->weight;
      if (is("br")) br = coding->weight;
      if (is("*")) any = coding->weight;
    }
  }
  const CodingWeights unnamed;
  return {identity.value_or(any.value_or(unnamed.identity)),
          gzip.value_or(any.value_or(unnamed.gzip)), br.value_or(any.value_or(unnamed.br))};
}

bool none_match_lists(const HttpRequest& request, std::string_view etag) {
  for (const auto& [name, value] : request.headers) {
    if (name != "if-none-match") continue;
    if (trim(value) == "*") return true;
    std::string_view list = value;
    for (auto tag = next_entity_tag(list); !tag.empty(); tag = next_entity_tag(list)) {
      if (tag == etag) return true;
    }
  }
  return false;
}

}  // namespace starling::proto
