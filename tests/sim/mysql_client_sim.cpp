// libmariadb's functions, as far as src/store calls them, over the simulated database. The program
// defines them itself, so the library's are not linked.
#include <errmsg.h>
#include <mysql.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mysql_sim.hpp"

namespace starling::sim {
namespace {

struct Connection : MYSQL {
  std::shared_ptr<MysqlSim::Session> session;
  MysqlSim::Outcome outcome;
};

struct Rows : MYSQL_RES {
  std::vector<std::vector<std::optional<std::string>>> all;
  std::size_t next = 0;
  std::vector<char*> texts;
  std::vector<unsigned long> sizes;
};

Connection& of(MYSQL* mysql) { return *static_cast<Connection*>(mysql); }
Rows& of(MYSQL_RES* rows) { return *static_cast<Rows*>(rows); }

// Servers connect to "server-N".
unsigned server_of(const char* host) {
  return static_cast<unsigned>(std::strtoul(host + sizeof "server-" - 1, nullptr, 10));
}

int told(Connection& connection, MysqlSim::Outcome&& outcome) {
  connection.outcome = std::move(outcome);
  const bool begun = connection.session && MysqlSim::current().in_transaction(*connection.session);
  connection.server_status = begun ? SERVER_STATUS_IN_TRANS : 0;
  return connection.outcome.code == 0 ? 0 : 1;
}

}  // namespace
}  // namespace starling::sim

using namespace starling::sim;

extern "C" {

int mysql_server_init(int, char**, char**) { return 0; }
my_bool mysql_thread_init() { return 0; }
void mysql_thread_end() {}
my_bool mariadb_connection(MYSQL*) { return 1; }
// The simulated database takes no arrays: rows come as words, as from MySQL.
my_bool mariadb_get_infov(MYSQL*, mariadb_value, void*, ...) { return 1; }

MYSQL* mysql_init(MYSQL*) { return new Connection{}; }
int mysql_options(MYSQL*, mysql_option, const void*) { return 0; }

MYSQL* mysql_real_connect(MYSQL* mysql, const char* host, const char*, const char*, const char*,
                          unsigned, const char*, unsigned long) {
  Connection& connection = of(mysql);
  connection.session = MysqlSim::current().connect(server_of(host));
  if (connection.session) return mysql;
  connection.outcome.code = CR_CONN_HOST_ERROR;
  connection.outcome.state = "HY000";
  connection.outcome.error = "Can't connect to server";
  return nullptr;
}

void mysql_close(MYSQL* mysql) {
  Connection& connection = of(mysql);
  if (connection.session) MysqlSim::current().leave(connection.session);
  delete &connection;
}

int mysql_real_query(MYSQL* mysql, const char* sql, unsigned long size) {
  Connection& connection = of(mysql);
  return told(connection, MysqlSim::current().query(connection.session, {sql, size}));
}

int mysql_ping(MYSQL* mysql) { return mysql_real_query(mysql, "SELECT 1", 8); }

MYSQL_RES* mysql_store_result(MYSQL* mysql) {
  Connection& connection = of(mysql);
  if (!connection.outcome.has_rows) return nullptr;
  auto rows = std::make_unique<Rows>();
  rows->all = std::move(connection.outcome.rows);
  return rows.release();
}

void mysql_free_result(MYSQL_RES* rows) { delete &of(rows); }

MYSQL_ROW mysql_fetch_row(MYSQL_RES* result) {
  Rows& rows = of(result);
  if (rows.next == rows.all.size()) return nullptr;
  rows.texts.clear();
  rows.sizes.clear();
  for (auto& value : rows.all[rows.next++]) {
    rows.texts.push_back(value ? value->data() : nullptr);
    rows.sizes.push_back(value ? value->size() : 0);
  }
  return rows.texts.data();
}

unsigned long* mysql_fetch_lengths(MYSQL_RES* result) { return of(result).sizes.data(); }

my_ulonglong mysql_affected_rows(MYSQL* mysql) { return of(mysql).outcome.changed; }
unsigned mysql_errno(MYSQL* mysql) { return of(mysql).outcome.code; }
const char* mysql_error(MYSQL* mysql) { return of(mysql).outcome.error.c_str(); }
const char* mysql_sqlstate(MYSQL* mysql) { return of(mysql).outcome.state.c_str(); }

// SQLite's way: a quotation mark is doubled, a backslash is one.
unsigned long mysql_real_escape_string(MYSQL*, char* to, const char* from, unsigned long size) {
  char* const begin = to;
  for (unsigned long i = 0; i < size; ++i) {
    if (from[i] == '\'') *to++ = '\'';
    *to++ = from[i];
  }
  *to = '\0';
  return static_cast<unsigned long>(to - begin);
}

}  // extern "C"
