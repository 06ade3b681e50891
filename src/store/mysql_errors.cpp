#include "store/mysql_errors.hpp"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>

#include <algorithm>
#include <array>

namespace starling::store {
namespace {

constexpr std::array repeatable{ER_LOCK_WAIT_TIMEOUT, ER_LOCK_DEADLOCK};

constexpr std::array lost{
    // of the library
    CR_CONNECTION_ERROR, CR_CONN_HOST_ERROR, CR_UNKNOWN_HOST, CR_SERVER_GONE_ERROR, CR_SERVER_LOST,
    CR_SERVER_LOST_EXTENDED, CR_COMMANDS_OUT_OF_SYNC, CR_SSL_CONNECTION_ERROR, CR_MALFORMED_PACKET,
    // of the server
    ER_SERVER_SHUTDOWN, ER_NORMAL_SHUTDOWN, ER_CONNECTION_KILLED, ER_NET_READ_ERROR,
    ER_NET_READ_INTERRUPTED, ER_NET_ERROR_ON_WRITE, ER_NET_WRITE_INTERRUPTED, ER_QUERY_INTERRUPTED,
    ER_NEW_ABORTING_CONNECTION};

constexpr std::array too_large{ER_NET_PACKET_TOO_LARGE, CR_NET_PACKET_TOO_LARGE};

template <typename Codes>
bool is_one(int code, const Codes& codes) {
  return std::ranges::find(codes, code) != codes.end();
}

}  // namespace

MysqlCure cure_of(int code, std::string_view state) {
  if (is_one(code, repeatable)) return MysqlCure::repeat;
  if (is_one(code, lost)) return MysqlCure::reconnect;
  if (is_one(code, too_large)) return MysqlCure::isolate;
  // Data, integrity, and what a trigger signals (SQL standard, classes of SQLSTATE).
  const std::string_view kind = state.substr(0, 2);
  if (kind == "22" || kind == "23" || kind == "45") return MysqlCure::isolate;
  return MysqlCure::give_up;
}

std::string_view advice_of(int code) {
  switch (code) {
    case CR_SSL_CONNECTION_ERROR:
      return "; tls=on wants a certificate that is valid today, is for the host that store.url "
             "names, and is signed by tls_ca (or else one of the system's authorities)";
    case ER_ACCESS_DENIED_ERROR:
      return "; check the user, its password (store.password_file), from where it may come, and "
             "whether it must use TLS";
    case ER_DBACCESS_DENIED_ERROR:
    case ER_BAD_DB_ERROR:
      return "; create the database and grant it to the user";
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
      return "; is it running, and is it there?";
    default:
      return "";
  }
}

}  // namespace starling::store
