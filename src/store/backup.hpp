// Copies of a SQLite archive, made and taken back by a command, not by the server.
#pragma once

#include <string>

#include "base/result.hpp"

namespace starling::store {

// Copies the database into the file `target`, which must not exist, as it is at one moment, whether
// or not a server writes to it meanwhile. Reads in steps within one read transaction: the log grows
// until it is done. The copy is checked, synced, and has its name only when it is whole.
base::Result<void> back_up(const std::string& database, const std::string& target);

// Puts a copy in the place of `database`, whose data folder's lock the caller holds, under a new
// epoch: clients that know what came after the copy start afresh. With `replace`, a database that
// is there stays beside it with .replaced behind its name; without, it is a failure (EEXIST). A
// file that is no archive, or a damaged one, is a failure (EBADMSG) and changes nothing.
base::Result<void> restore(const std::string& copy, const std::string& database, bool replace);

}  // namespace starling::store
