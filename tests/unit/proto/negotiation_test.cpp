#include "proto/negotiation.hpp"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace starling::proto {
namespace {

HttpRequest with_headers(std::string_view name, const std::vector<std::string>& values) {
  HttpRequest request;
  for (const std::string& value : values) request.headers.emplace_back(name, value);
  return request;
}

// identity, gzip and br, each in thousandths.
using Weights = std::array<unsigned, 3>;

Weights weights(const std::vector<std::string>& values) {
  const CodingWeights found = coding_weights(with_headers("accept-encoding", values));
  return {found.identity, found.gzip, found.br};
}

TEST(NegotiationTest, codings_are_weighted_as_they_are_named) {
  EXPECT_EQ(weights({"gzip, deflate, br"}), (Weights{1, 1'000, 1'000}));
  EXPECT_EQ(weights({"BR ; Q=0.25 ,GZip;q=1.000"}), (Weights{1, 1'000, 250}));
  EXPECT_EQ(weights({"gzip", "br;q=0.001"}), (Weights{1, 1'000, 1})) << "in two lines";
  EXPECT_EQ(weights({"x-gzip;q=0.5"}), (Weights{1, 500, 0}));
  EXPECT_EQ(weights({"identity;q=0.5, br;q=0"}), (Weights{500, 0, 0}));
}

TEST(NegotiationTest, a_star_stands_for_what_is_not_named) {
  EXPECT_EQ(weights({"*;q=0.3, gzip"}), (Weights{300, 1'000, 300}));
  EXPECT_EQ(weights({"gzip, *;q=0"}), (Weights{0, 1'000, 0}));
  EXPECT_EQ(weights({"identity, *;q=0"}), (Weights{1'000, 0, 0}));
}

TEST(NegotiationTest, without_a_word_nothing_is_compressed) {
  for (const std::vector<std::string>& values :
       {std::vector<std::string>{}, {""}, {", ,"}, {"deflate"}}) {
    EXPECT_EQ(weights(values), (Weights{1, 0, 0}));
  }
}

TEST(NegotiationTest, malformed_weights_count_as_absent) {
  for (const char* const q : {"q=", "q=2", "q=1.001", "q=0.1234", "q=.5", "q=0,5", "q=0.x", "q=-0",
                              "q", "level=3", "q=1;q=1"}) {
    EXPECT_EQ(weights({"br;" + std::string{q}})[2], 0u) << q;
  }
}

bool lists(const std::vector<std::string>& values, std::string_view etag) {
  return none_match_lists(with_headers("if-none-match", values), etag);
}

TEST(NegotiationTest, entity_tags_are_compared_weakly_and_exactly) {
  EXPECT_TRUE(lists({"\"a\""}, "\"a\""));
  EXPECT_TRUE(lists({"W/\"a\""}, "\"a\""));
  EXPECT_TRUE(lists({"\"x\",W/\"y\" , \"a\""}, "\"a\""));
  EXPECT_TRUE(lists({"\"x\"", "\"a\""}, "\"a\"")) << "in two lines";
  EXPECT_TRUE(lists({"\"a,b\""}, "\"a,b\"")) << "a comma is part of a tag";
  EXPECT_TRUE(lists({" * "}, "\"a\""));
  for (const char* const value : {"", "a", "\"A\"", "\"a", "\"b, a\"", "\"*\"", "\"aa\""}) {
    EXPECT_FALSE(lists({value}, "\"a\"")) << value;
  }
  EXPECT_FALSE(lists({}, "\"a\""));
}

}  // namespace
}  // namespace starling::proto
