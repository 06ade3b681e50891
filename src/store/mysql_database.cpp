#include "store/mysql_database.hpp"

#include <errmsg.h>
#include <mysql.h>

#include <cstdlib>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace starling::store {
namespace {

constexpr unsigned connect_timeout_s = 2;
// Longer than any lock is waited for: what takes longer is lost.
constexpr unsigned answer_timeout_s = 10;

// The library's tables, once for the process and before its threads.
struct Library {
  Library() { CHECK(mysql_library_init(0, nullptr, nullptr) == 0); }
};

// What the library keeps for each thread that uses it.
struct ThreadMemory {
  ThreadMemory() { mysql_thread_init(); }
  ~ThreadMemory() { mysql_thread_end(); }
};

void prepare_thread() {
  static const Library library;
  thread_local const ThreadMemory memory;
  static_cast<void>(library), static_cast<void>(memory);
}

constexpr const char* session =
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, "
    "transaction_isolation = 'READ-COMMITTED', time_zone = '+00:00'";
constexpr const char* session_mariadb =
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', autocommit = 1, "
    "tx_isolation = 'READ-COMMITTED', time_zone = '+00:00'";
constexpr const char* writer_session =
    "SET SESSION innodb_lock_wait_timeout = 1, lock_wait_timeout = 3, wait_timeout = 5, "
    "net_read_timeout = 5, net_write_timeout = 5";

// Who is sent rows may be busy with those it has.
constexpr const char* copier_session = "SET SESSION net_write_timeout = 3600";

// What a server says of itself when it is connected to; MySQL says nothing of the kind.
bool takes_arrays(MYSQL* connection) {
  unsigned long extended = 0;
  const bool known = mariadb_get_infov(connection, MARIADB_CONNECTION_EXTENDED_SERVER_CAPABILITIES,
                                       &extended) == 0;
  return known && (extended & (MARIADB_CLIENT_STMT_BULK_OPERATIONS >> 32)) != 0;
}

// The text of a statement, its values and what came back.
class MysqlCursor final : public Cursor {
 public:
  MysqlCursor(MysqlDatabase& database, std::vector<std::string> pieces)
      : database_(database), pieces_(std::move(pieces)) {}
  MysqlCursor(MysqlDatabase& database, std::string_view sql) : database_(database) {
    for (std::size_t mark = sql.find('?'); mark != std::string_view::npos; mark = sql.find('?')) {
      pieces_.emplace_back(sql.substr(0, mark));
      sql.remove_prefix(mark + 1);
    }
    values_.resize(pieces_.size());
    pieces_.emplace_back(sql);
  }
  ~MysqlCursor() override { MysqlCursor::reset(); }
  MysqlCursor(const MysqlCursor&) = delete;
  MysqlCursor& operator=(const MysqlCursor&) = delete;

  void bind(int index, std::int64_t value) override {
    values_.at(static_cast<std::size_t>(index) - 1) = std::to_string(value);
  }
  void bind(int index, std::string_view text) override {
    std::string& value = values_.at(static_cast<std::size_t>(index) - 1);
    value.clear();
    database_.quote(text, value);
  }

  bool step() override {
    if (database_.failed()) return false;
    if (!running_ && !begin()) return false;
    if (!result_) return false;
    row_ = mysql_fetch_row(result_);
    if (row_) {
      lengths_ = mysql_fetch_lengths(result_);
    } else if (database_.streams() && mysql_errno(database_.raw()) != 0) {
      database_.fail();
    }
    return row_ != nullptr;
  }

  void reset() override {
    if (result_) mysql_free_result(result_);
    result_ = nullptr;
    row_ = nullptr;
    running_ = false;
  }

  std::int64_t integer(int column) const override {
    return row_ && row_[column] ? std::strtoll(row_[column], nullptr, 10) : 0;
  }
  std::string_view text(int column) const override {
    return row_ && row_[column] ? std::string_view{row_[column], lengths_[column]}
                                : std::string_view{};
  }

 private:
  bool begin() {
    std::string sql;
    for (std::size_t i = 0; i < values_.size(); ++i) sql.append(pieces_[i]).append(values_[i]);
    sql += pieces_.back();
    running_ = database_.run(sql);
    if (!running_) return false;
    result_ = database_.streams() ? mysql_use_result(database_.raw())
                                  : mysql_store_result(database_.raw());
    if (!result_ && mysql_errno(database_.raw()) != 0) database_.fail();
    return !database_.failed();
  }

  MysqlDatabase& database_;
  std::vector<std::string> pieces_;  // one more than there are values
  std::vector<std::string> values_;
  bool running_ = false;
  MYSQL_RES* result_ = nullptr;
  MYSQL_ROW row_ = nullptr;
  unsigned long* lengths_ = nullptr;
};

}  // namespace

base::Result<std::unique_ptr<MysqlDatabase>> MysqlDatabase::open(MysqlAddress address, Use use) {
  std::unique_ptr<MysqlDatabase> made{new MysqlDatabase{std::move(address), use}};
  if (made->connect()) return made;
  const MysqlAddress& at = made->address_;
  return base::failure("cannot use the database " + at.database + " at " +
                       (at.socket.empty() ? at.host + ":" + std::to_string(at.port) : at.socket) +
                       ": " + made->failure() + std::string{advice_of(made->failure_code())});
}

MysqlDatabase::~MysqlDatabase() { disconnect(); }

void MysqlDatabase::disconnect() {
  if (connection_) mysql_close(connection_);
  connection_ = nullptr;
}

bool MysqlDatabase::connect() {
  prepare_thread();
  connection_ = mysql_init(nullptr);
  CHECK(connection_ != nullptr);
  mysql_options(connection_, MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout_s);
  if (use_ != Use::migrating && use_ != Use::copying) {
    mysql_options(connection_, MYSQL_OPT_READ_TIMEOUT, &answer_timeout_s);
  }
  mysql_options(connection_, MYSQL_OPT_WRITE_TIMEOUT, &answer_timeout_s);
  mysql_options(connection_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  if (address_.tls) {
    const my_bool yes = 1;
    mysql_options(connection_, MYSQL_OPT_SSL_ENFORCE, &yes);
    mysql_options(connection_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &yes);
    const char* authorities =
        address_.tls_ca.empty() ? "/etc/ssl/certs/ca-certificates.crt" : address_.tls_ca.c_str();
    mysql_options(connection_, MYSQL_OPT_SSL_CA, authorities);
  }
  const bool local = !address_.socket.empty();
  // The library takes "localhost" for a socket of its own choice.
  const unsigned protocol = local ? MYSQL_PROTOCOL_SOCKET : MYSQL_PROTOCOL_TCP;
  mysql_options(connection_, MYSQL_OPT_PROTOCOL, &protocol);
  MYSQL* const done = mysql_real_connect(
      connection_, local ? nullptr : address_.host.c_str(), address_.user.c_str(),
      address_.password.c_str(), address_.database.c_str(), local ? 0u : address_.port,
      local ? address_.socket.c_str() : nullptr, CLIENT_REMEMBER_OPTIONS);
  if (!done) {
    fail();
    disconnect();
    return false;
  }
  has_bulk_ = takes_arrays(connection_);
  const bool set_up = run(mariadb_connection(connection_) ? session_mariadb : session) &&
                      (use_ != Use::writing || run(writer_session)) &&
                      (use_ != Use::copying || run(copier_session));
  if (!set_up) disconnect();
  return set_up;
}

bool MysqlDatabase::reconnect() {
  disconnect();
  clear_failure();
  return connect();
}

bool MysqlDatabase::run(const std::string& sql) {
  if (failed()) return false;
  if (!connection_) {
    keep_failure(CR_SERVER_GONE_ERROR, "there is no connection");
    cure_ = MysqlCure::reconnect;
    return false;
  }
  if (mysql_real_query(connection_, sql.data(), sql.size()) == 0) return true;
  fail();
  return false;
}

void MysqlDatabase::fail() {
  if (failed()) return;
  fail(static_cast<int>(mysql_errno(connection_)), mysql_sqlstate(connection_),
       mysql_error(connection_));
}

void MysqlDatabase::fail(int code, const char* state, const std::string& message) {
  if (failed()) return;
  cure_ = cure_of(code, state);
  keep_failure(code, message + " (" + std::to_string(code) + ")");
}

bool MysqlDatabase::ping() {
  if (!connection_) return false;
  if (mysql_ping(connection_) == 0) return true;
  fail();
  return false;
}

bool MysqlDatabase::in_transaction() const {
  return connection_ && (connection_->server_status & SERVER_STATUS_IN_TRANS) != 0;
}

void MysqlDatabase::begin_reading() {
  if (!connection_) static_cast<void>(reconnect());
  run("START TRANSACTION READ ONLY");
}

void MysqlDatabase::end_reading() {
  if (in_transaction()) run("COMMIT");
}

std::uint64_t MysqlDatabase::changed_rows() const { return mysql_affected_rows(connection_); }

std::unique_ptr<Cursor> MysqlDatabase::prepare(std::string_view sql) {
  return std::make_unique<MysqlCursor>(*this, sql);
}

std::unique_ptr<Cursor> MysqlDatabase::query(std::string sql) {
  std::vector<std::string> whole;
  whole.push_back(std::move(sql));
  return std::make_unique<MysqlCursor>(*this, std::move(whole));
}

void MysqlDatabase::quote(std::string_view text, std::string& sql) const {
  sql.push_back('\'');
  const std::size_t begin = sql.size();
  sql.resize(begin + text.size() * 2 + 1);
  // Without a connection nothing is sent, so that nothing has to be quoted.
  const std::size_t size = connection_ ? mysql_real_escape_string(connection_, sql.data() + begin,
                                                                  text.data(), text.size())
                                       : 0;
  sql.resize(begin + size);
  sql.push_back('\'');
}

}  // namespace starling::store
