#include "server/hasher.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "server/sodium.hpp"

namespace {

bool memory_is_short = false;  // for what a hash takes

}  // namespace

extern "C" int crypto_pwhash_str_alg(char* out, const char* password, unsigned long long bytes,
                                     unsigned long long passes, std::size_t memory, int algorithm) {
  if (memory_is_short) return -1;
  using Real = decltype(crypto_pwhash_str_alg);
  static auto* const real = reinterpret_cast<Real*>(::dlsym(RTLD_NEXT, "crypto_pwhash_str_alg"));
  return real(out, password, bytes, passes, memory, algorithm);
}

namespace starling::server {
namespace {

// Keeps what the hasher answers.
class Answers final : public chat::ShardInbox {
 public:
  void reply(chat::TicketedReply&& reply) override { all.push_back(std::move(reply)); }
  bool committed(const chat::CommittedBatchRef&) override { return false; }
  bool committed_elsewhere(const chat::CommittedBatchRef&) override { return false; }
  void missed() override {}
  void wake() override { ++wakes; }

  std::vector<chat::TicketedReply> all;
  unsigned wakes = 0;
};

class HasherTest : public testing::Test {
 protected:
  HasherTest() { start_sodium(); }
  ~HasherTest() override { memory_is_short = false; }

  chat::Reply ask(chat::HashRequest request) {
    EXPECT_TRUE(hasher_.post(std::move(request), {0, {++asked_, 1}}));
    EXPECT_TRUE(hasher_.turn());
    EXPECT_EQ(answers_.wakes, asked_);
    EXPECT_EQ(answers_.all.back().ticket.call.slot, asked_);
    return answers_.all.back().reply;
  }
  bool matches(std::string password, std::string hash) {
    const auto reply = ask(chat::VerifyPassword{std::move(password), std::move(hash)});
    return std::get<chat::PasswordVerified>(reply).matches;
  }

  Answers answers_;
  Hasher hasher_{std::move(*io::Wake::create()), {&answers_}};
  std::uint32_t asked_ = 0;
};

TEST_F(HasherTest, a_password_matches_its_own_hash_and_nobody_s) {
  EXPECT_FALSE(hasher_.turn());
  const auto reply = ask(chat::HashPassword{"correct horse"});
  const std::string hash = std::get<chat::PasswordHashed>(reply).hash;
  EXPECT_TRUE(hash.starts_with("$argon2id$"));
  EXPECT_TRUE(matches("correct horse", hash));
  EXPECT_FALSE(matches("correct horsf", hash));
  EXPECT_FALSE(matches("correct horse", ""));
  // What an unknown user's password is compared with lets nobody in.
  EXPECT_FALSE(matches("nobody", ""));
}

TEST_F(HasherTest, without_memory_no_password_is_kept) {
  memory_is_short = true;
  EXPECT_EQ(hash_password("correct horse"), "");
  const auto failure = std::get<chat::Failure>(ask(chat::HashPassword{"correct horse"}));
  EXPECT_EQ(failure.code, chat::FailureCode::unavailable);
  memory_is_short = false;
  EXPECT_TRUE(
      std::holds_alternative<chat::PasswordHashed>(ask(chat::HashPassword{"correct horse"})));
}

TEST_F(HasherTest, so_many_passwords_wait) {
  for (std::size_t i = 0; i < Hasher::max_waiting; ++i) {
    EXPECT_TRUE(hasher_.post(chat::VerifyPassword{"x", ""}, {}));
  }
  EXPECT_FALSE(hasher_.post(chat::VerifyPassword{"x", ""}, {}));
}

}  // namespace
}  // namespace starling::server
