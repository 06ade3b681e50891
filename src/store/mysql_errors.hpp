// What is done about an error of MySQL or MariaDB: here and nowhere else.
#pragma once

#include <cstdint>
#include <string_view>

namespace starling::store {

enum class MysqlCure : std::uint8_t {
  repeat,     // a lock that others held: roll back, the same again
  reconnect,  // the connection is gone, and what was not committed with it
  give_up,    // nothing that this server can do: full, refused, not there
  isolate,    // one of the rows is to blame
};

// `code` is mysql_errno(3), `state` mysql_sqlstate(3).
MysqlCure cure_of(int code, std::string_view state);

// What an operator may do about a connection that cannot be made; empty: the message says it all.
std::string_view advice_of(int code);

}  // namespace starling::store
