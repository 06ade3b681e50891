// The users of an archive, for who operates it: whether or not servers run on it. What is changed
// here is in force at once for whatever a server asks the archive; ends of tokens are read by
// running servers within 10 s.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "chat/archive.hpp"
#include "store/archive.hpp"

namespace starling::store {

class Database;

struct Account {
  chat::User user;
  bool has_password = false;
  bool disabled = false;
};

// Lives on one thread. Every call fails where the database does, and rolls back what it began.
class Accounts {
 public:
  // Of an archive that is there and migrated; none is made. Errors: ENOENT, there is no database.
  static base::Result<std::unique_ptr<Accounts>> open(const ArchiveOptions& options);
  ~Accounts();
  Accounts(const Accounts&) = delete;
  Accounts& operator=(const Accounts&) = delete;

  // By id, at most `limit` above `after`.
  base::Result<std::vector<Account>> list(chat::UserId after, unsigned limit);
  // By id, or by name without regard to case where that is 0.
  base::Result<std::optional<Account>> find(chat::UserId id, std::string_view name);
  // Errors: EEXIST, the name is taken.
  base::Result<chat::UserId> add(const chat::CreateUser& user);
  base::Result<void> set_password(chat::UserId user, const std::string& hash);
  // Ends all tokens, now and later; and nothing of the user enters a room any more, from the commit
  // of this on, nor does a password let in.
  base::Result<void> disable(chat::UserId user);
  // Tokens that were issued before stay ended.
  base::Result<void> enable(chat::UserId user);
  // Ends all tokens that were issued until now.
  base::Result<void> revoke_tokens(chat::UserId user);
  // Whether that token, issued then, was ended by itself or with all others of its user.
  base::Result<bool> revoked(chat::UserId user, std::string_view token_id, base::WallMs issued);

 private:
  explicit Accounts(std::unique_ptr<Database> database);

  void begin(chat::UserId user);
  base::Result<void> commit();
  void end_tokens(chat::UserId user, base::WallMs issued_until);

  std::unique_ptr<Database> database_;
};

}  // namespace starling::store
