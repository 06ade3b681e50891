// Taking over a database of the PHP original: its tables `users` and `messages` keep their rows
// under other names, and everything in them is copied.
#pragma once

#include "store/mysql_database.hpp"

namespace starling::store {

// Its tables, under their own names or set aside and not yet copied.
bool has_original(MysqlDatabase& database);

// Gives its tables the names original_users and original_messages, both at once.
void set_original_aside(MysqlDatabase& database);

// Copies what was set aside, in one transaction: rows as they are, ids as they are, `seq` in the
// order of (created_at, id). Nothing to do without them. False: a failure of the database.
bool take_over_original(MysqlDatabase& database);

}  // namespace starling::store
