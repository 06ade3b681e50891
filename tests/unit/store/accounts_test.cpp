// Users as an operator's commands see and change them, where the database does not do what is
// wanted. What the commands do otherwise is in tests/e2e.
#include "store/accounts.hpp"

#include "harness.hpp"

namespace starling::store {
namespace {

class AccountsTest : public StoreTest {
 protected:
  void open() {
    start();
    ann = add_user("ann");
    auto opened = Accounts::open(options);
    ASSERT_TRUE(opened) << opened.error().message;
    accounts = std::move(*opened);
  }
  void TearDown() override { accounts.reset(); }

  bool disabled() { return accounts->find(ann, {})->value().disabled; }

  chat::UserId ann = 0;
  std::unique_ptr<Accounts> accounts;
};

TEST_F(AccountsTest, a_change_that_the_database_refuses_leaves_nothing_and_costs_no_other) {
  open();
  sql("CREATE TRIGGER refuses BEFORE INSERT ON revoked_tokens "
      "BEGIN SELECT RAISE(ABORT, 'refused'); END");
  const auto refused = accounts->disable(ann);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().message, "the database failed: refused");
  EXPECT_FALSE(disabled()) << "the ban came before what was refused";
  ASSERT_TRUE(std::holds_alternative<chat::MessagePosted>(say(ann, "r"))) << "nothing is locked";
  sql("DROP TRIGGER refuses");
  EXPECT_TRUE(accounts->disable(ann));
  EXPECT_TRUE(disabled());
  EXPECT_EQ(failure(say(ann, "r")).code, chat::FailureCode::forbidden);
}

TEST_F(AccountsTest, what_cannot_be_read_is_a_failure_and_not_nobody) {
  open();
  sql("ALTER TABLE users RENAME TO others");
  EXPECT_FALSE(accounts->list(0, 10));
  const auto found = accounts->find(ann, {});
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().message.find("the database failed: "), 0u) << found.error().message;
  EXPECT_FALSE(accounts->revoke_tokens(ann));
  sql("ALTER TABLE revoked_tokens RENAME TO other_tokens");
  EXPECT_FALSE(accounts->revoked(ann, "t", 1));
}

TEST_F(AccountsTest, an_archive_that_is_not_there_or_of_another_version_is_not_opened) {
  options.path = path();
  const auto absent = Accounts::open(options);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().system_errno, ENOENT);
  open();
  sql("UPDATE schema_migrations SET version = 999 WHERE version = 1");
  EXPECT_FALSE(Accounts::open(options));
}

}  // namespace
}  // namespace starling::store
