// What `starling user` and `starling token` have in common: the archive's users.
#pragma once

#include <functional>

#include "server/commands/with_settings.hpp"
#include "store/accounts.hpp"

namespace starling::server {

// The argument that names a user: a name, or "id:42".
Parameter user_argument();

// A command on the archive's users; where it cannot be opened, that is said.
using WithAccounts = std::function<int(const Settings&, store::Accounts&, const Given&)>;
Command with_accounts(Command command, WithAccounts action);

// A command on the user that its argument names; where there is none, that is said.
using WithUser =
    std::function<int(const Settings&, store::Accounts&, const store::Account&, const Given&)>;
Command with_user(Command command, WithUser action);

// Says what failed; returns the exit code that fits.
int fail(const base::Error& error);

// After tokens were ended, or not: says what failed, or lets a server that runs on the data folder
// know at once.
int finish(const Settings& settings, const base::Result<void>& done);

}  // namespace starling::server
