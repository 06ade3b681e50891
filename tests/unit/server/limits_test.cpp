// The table of limits: nothing that can be set or is fixed is left out.
#include "server/limits.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

#include "server/keys.hpp"

namespace starling::server {
namespace {

std::string source(const std::string& name) {
  std::ifstream file{std::string{DOCS} + "../src/" + name};
  return {std::istreambuf_iterator<char>{file}, {}};
}

TEST(LimitsTest, every_number_that_can_be_set_is_a_limit_or_known_to_be_none) {
  const std::set<std::string_view> no_limits{"server.port",   "server.threads", "auth.token_days",
                                             "store.readers", "admin.port",     "bus.partitions"};
  std::multiset<std::string_view> told;
  for (const LimitGroup& group : all_limits()) {
    for (const Limit& limit : group.limits) {
      if (const auto* key = std::get_if<std::string_view>(&limit.bound)) told.insert(*key);
    }
  }
  Config config;
  for (const Key& key : keys_of(config)) {
    if (!key.is_number()) continue;
    EXPECT_EQ(told.count(key.name), no_limits.contains(key.name) ? 0u : 1u) << key.name;
  }
}

TEST(LimitsTest, every_fixed_bound_of_what_a_client_sends_or_asks_for_is_told) {
  const std::string table = source("server/limits.cpp");
  const std::regex bound{R"(inline constexpr [\w:]+ (m(?:ax|in)_\w+) =)"};
  std::size_t found = 0;
  for (const char* header : {"api/bounds.hpp", "chat/ids.hpp", "proto/http.hpp"}) {
    const std::string text = source(header);
    for (std::sregex_iterator one{text.begin(), text.end(), bound}, end; one != end; ++one) {
      const std::string name = (*one)[1];
      // The greatest id is none of the ids that anybody gets; the other is the key's upper end.
      if (name == "max_id" || name == "max_metadata_bytes") continue;
      ++found;
      EXPECT_NE(table.find("::" + name), std::string::npos) << header << ": " << name;
    }
  }
  EXPECT_GE(found, 18u);
}

TEST(LimitsTest, each_has_an_answer_for_each_way_to_meet_it) {
  for (const LimitGroup& group : all_limits()) {
    for (const Limit& limit : group.limits) {
      EXPECT_EQ(limit.answers.size(), group.answers.size()) << limit.what;
      EXPECT_TRUE(std::ranges::any_of(limit.answers, [](auto text) { return !text.empty(); }))
          << limit.what;
    }
  }
}

}  // namespace
}  // namespace starling::server
