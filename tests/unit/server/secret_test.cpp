#include "server/secret.hpp"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/check.hpp"
#include "server/sodium.hpp"

namespace starling::server {
namespace {

constexpr base::WallMs now = 1'800'000'000'000;
constexpr base::WallMs an_hour = 3'600'000;

class SecretTest : public testing::Test {
 protected:
  SecretTest() {
    start_sodium();
    std::string pattern = testing::TempDir() + "starling-secret-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder = config.server.data_dir = pattern;
  }
  ~SecretTest() override { std::filesystem::remove_all(folder); }

  std::string failure() const {
    const auto keys = load_token_keys(config);
    return keys ? "" : keys.error().message;
  }

  Config config;
  std::string folder;
};

TEST_F(SecretTest, a_secret_is_made_once_and_only_its_owner_reads_it) {
  const auto keys = load_token_keys(config);
  ASSERT_TRUE(keys) << keys.error().message;
  const std::string token = keys->mint(7, "ann", now, an_hour);
  struct stat status {};
  ASSERT_EQ(::stat((folder + "/secret").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777u, 0600u);
  EXPECT_EQ(std::filesystem::file_size(folder + "/secret"), 64u);
  EXPECT_FALSE(std::filesystem::exists(folder + "/secret.new"));
  const auto again = load_token_keys(config);
  ASSERT_TRUE(again);
  EXPECT_TRUE(again->verify(token, now)) << "tokens outlive a restart";
}

TEST_F(SecretTest, what_is_set_counts_before_what_is_kept) {
  const auto kept = load_token_keys(config);
  ASSERT_TRUE(kept);
  config.auth.secret = std::string(32, 's');
  const auto set = load_token_keys(config);
  ASSERT_TRUE(set);
  EXPECT_FALSE(set->verify(kept->mint(7, "ann", now, an_hour), now));
}

TEST_F(SecretTest, a_secret_that_cannot_be_made_or_read_is_told) {
  config.server.data_dir = folder + "/absent";
  EXPECT_EQ(failure(), "cannot make " + folder + "/absent/secret: No such file or directory");
  config.server.data_dir = folder;
  std::filesystem::create_directory(folder + "/secret");
  EXPECT_EQ(failure(), "cannot read " + folder + "/secret: Is a directory");
}

TEST_F(SecretTest, a_public_key_is_read_from_its_file) {
  config.auth.public_key_file = folder + "/key.pem";
  EXPECT_EQ(failure(), "cannot read " + folder + "/key.pem: No such file or directory");
  std::ofstream{config.auth.public_key_file} << "no key";
  EXPECT_FALSE(failure().empty());
  EXPECT_FALSE(std::filesystem::exists(folder + "/secret")) << "nothing is made instead";
}

}  // namespace
}  // namespace starling::server
