// Where a MySQL or MariaDB is, and how to speak to it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.hpp"

namespace starling::store {

struct MysqlAddress {
  std::string host = "127.0.0.1";
  std::uint16_t port = 3306;
  std::string socket;  // a path: used instead of host and port
  std::string user;
  std::string password;
  std::string database;
  bool tls = false;    // with a certificate that is verified against `tls_ca` and the host's name
  std::string tls_ca;  // a file; empty: the system's
};

// "mysql://user:password@host:port/database?tls=on&tls_ca=FILE&socket=PATH", percent escapes
// decoded. What frameworks add (`serverVersion`, `charset`) means nothing here and is let pass;
// anything else is refused. A failure does not show the text: it may hold a password.
base::Result<MysqlAddress> parse_mysql_url(std::string_view url);

}  // namespace starling::store
