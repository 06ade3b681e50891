// Each key of the table, changed: what may change at once does, what may not waits for a restart.
#include "server/reload.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "server/keys.hpp"
#include "server/value.hpp"

namespace starling::server {
namespace {

// Another value than the present one.
void change(const Key& key) {
  Value value;
  value.list = {"https://elsewhere"};
  value.truth = toml_of(key) == "false";
  value.number = toml_of(key) == std::to_string(key.high) ? key.low : key.high;
  value.text = "elsewhere";
  for (const std::string& choice : key.choices) {
    if (server::quoted(choice) != toml_of(key)) value.text = choice;
  }
  ASSERT_EQ(put(key, value), "") << key.name;
}

TEST(ReloadTest, every_key_is_taken_over_or_named_as_waiting) {
  Config usual;
  for (std::size_t i = 0; i < keys_of(usual).size(); ++i) {
    Config wanted;
    const Key key = keys_of(wanted)[i];
    const std::string before = toml_of(key);
    change(key);
    Reload result = reload(usual, wanted);
    const std::string after = toml_of(keys_of(result.config)[i]);
    if (key.takes == Takes::reload) {
      EXPECT_EQ(after, toml_of(key)) << key.name;
      EXPECT_EQ(result.changed, std::vector<std::string>{key.name});
      EXPECT_TRUE(result.deferred.empty());
    } else {
      EXPECT_EQ(after, before) << key.name;
      EXPECT_EQ(result.deferred, std::vector<std::string>{key.name});
      EXPECT_TRUE(result.changed.empty());
    }
  }
}

}  // namespace
}  // namespace starling::server
