#include "server/hasher.hpp"

#include <sodium.h>

#include <array>
#include <utility>
#include <variant>

namespace starling::server {
namespace {

// OWASP's second choice for Argon2id: 19 MiB and two passes, about 50 ms.
constexpr unsigned long long passes = 2;
constexpr std::size_t memory_bytes = std::size_t{19} << 20;

}  // namespace

std::string hash_password(const std::string& password) {
  std::array<char, crypto_pwhash_STRBYTES> hash{};
  if (crypto_pwhash_str_alg(hash.data(), password.data(), password.size(), passes, memory_bytes,
                            crypto_pwhash_ALG_ARGON2ID13) != 0) {
    return {};
  }
  return hash.data();
}

Hasher::Hasher(io::Wake wake, std::vector<chat::ShardInbox*> inboxes)
    : wake_(std::move(wake)), inboxes_(std::move(inboxes)), mailbox_(max_waiting) {}

bool Hasher::post(chat::HashRequest&& request, chat::Ticket ticket) {
  if (!mailbox_.post({std::move(request), ticket})) return false;
  wake_.notify();
  return true;
}

bool Hasher::turn() {
  std::optional<Item> item = mailbox_.take();
  if (!item) return false;
  if (nobodys_hash_.empty()) nobodys_hash_ = hash_password("nobody");
  chat::Reply reply =
      std::visit([this](const auto& request) { return answer(request); }, item->request);
  inboxes_[item->ticket.shard]->reply({item->ticket, std::move(reply)});
  inboxes_[item->ticket.shard]->wake();
  return true;
}

void Hasher::wait(base::Duration longest) {
  wake_.prepare_sleep();
  if (!mailbox_.ready()) wake_.wait(longest);
  wake_.awake();
}

chat::Reply Hasher::answer(const chat::HashPassword& hash) const {
  std::string made = hash_password(hash.password);
  if (made.empty()) {
    return chat::Failure{chat::FailureCode::unavailable, "No memory to hash a password, try again"};
  }
  return chat::PasswordHashed{std::move(made)};
}

chat::Reply Hasher::answer(const chat::VerifyPassword& verify) const {
  const std::string& hash = verify.hash.empty() ? nobodys_hash_ : verify.hash;
  const bool matches =
      crypto_pwhash_str_verify(hash.c_str(), verify.password.data(), verify.password.size()) == 0;
  return chat::PasswordVerified{matches && !verify.hash.empty()};
}

}  // namespace starling::server
