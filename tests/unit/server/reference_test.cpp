// What the table of settings says, in the forms that people read.
#include "server/reference.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <sstream>
#include <utility>

#include "server/keys.hpp"
#include "server/limits.hpp"
#include "server/manual.hpp"
#include "server/metrics.hpp"
#include "server/value.hpp"

namespace starling::server {
namespace {

// The default file with every key in force.
std::string uncommented() {
  std::stringstream lines{default_toml()};
  std::string text;
  for (std::string line; std::getline(lines, line);) {
    const bool key = line.starts_with("#") && !line.starts_with("# ");
    text += line.substr(key ? 1 : 0) + "\n";
  }
  return text;
}

TEST(ReferenceTest, the_default_file_holds_every_key_with_its_default) {
  const std::string path = testing::TempDir() + "default-" + std::to_string(::getpid()) + ".toml";
  std::ofstream{path} << uncommented();
  Settings settings;
  settings.apply_file(path);
  settings.check();
  for (const Problem& problem : settings.problems()) ADD_FAILURE() << to_string(problem);
  Config now = settings.config();
  Config usual;
  const std::vector<Key> keys = keys_of(now);
  const std::vector<Key> usual_keys = keys_of(usual);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    EXPECT_NE(settings.origin(keys[i].name), "default") << keys[i].name;
    EXPECT_EQ(toml_of(keys[i]), toml_of(usual_keys[i])) << keys[i].name;
  }
}

TEST(ReferenceTest, every_key_and_section_says_what_it_is_for) {
  Config config;
  for (const Key& key : keys_of(config)) {
    EXPECT_GT(key.help.size(), 8u) << key.name;
    EXPECT_FALSE(key.help.ends_with(".")) << key.name;
    EXPECT_FALSE(about_section(key.section()).empty()) << key.name;
  }
}

TEST(ReferenceTest, the_page_in_the_handbook_is_written_from_the_table) {
  for (const auto& [name, written] : {std::pair{"configuration.md", configuration_page()},
                                      {"command-line.md", command_page()},
                                      {"limits.md", limits_page()},
                                      {"metrics.md", metrics_page()}}) {
    std::ifstream file{std::string{DOCS} + name};
    const std::string page{std::istreambuf_iterator<char>{file}, {}};
    EXPECT_EQ(page, written) << "write it anew: build-test/tools/reference " << name << " > docs/"
                             << name;
  }
}

TEST(ReferenceTest, what_holds_is_shown_without_secrets) {
  Settings settings;
  settings.apply_environment(
      {"STARLING_AUTH__SECRET=planted-secret-of-tokens", "STARLING_AUTH__INVITE_CODE=planted-code",
       "STARLING_STORE__URL=mysql://user:planted-p@ss@db:3306/chat",
       "STARLING_BUS__URL=amqp://user:planted@rabbit/%2f", "STARLING_SERVER__HOST=::1"});
  for (const std::string& text : {settings_as_toml(settings, true), settings_as_json(settings)}) {
    EXPECT_EQ(text.find("planted"), std::string::npos) << text;
    EXPECT_NE(text.find("mysql://user:(hidden)@db:3306/chat"), std::string::npos);
    EXPECT_NE(text.find("STARLING_SERVER__HOST"), std::string::npos);
  }
}

TEST(ReferenceTest, numbers_say_their_unit) {
  Config config;
  const auto unit = [&config](std::string_view name) {
    const std::vector<Key> keys = keys_of(config);
    return unit_of(*std::ranges::find(keys, name, &Key::name));
  };
  EXPECT_EQ(unit("server.drain_window_ms"), "ms");
  EXPECT_EQ(unit("http.body_bytes_per_second"), "bytes per second");
  EXPECT_EQ(unit("server.threads"), "");
}

}  // namespace
}  // namespace starling::server
