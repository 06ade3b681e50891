// MySQL and MariaDB behind store/database.hpp, by MariaDB's Connector/C.
//
// Statements are text: values are quoted into it by the library, which knows the connection's
// character set. The session is set up so that this holds (utf8mb4, strict, backslashes escape).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/database.hpp"
#include "store/mysql_address.hpp"
#include "store/mysql_errors.hpp"

struct st_mysql;

namespace starling::store {

class MysqlDatabase final : public Database {
 public:
  enum class Use : std::uint8_t {
    reading,
    migrating,  // statements that take as long as they take
    copying,    // the same; rows come one by one, so that a table is never in memory as a whole
    writing,  // a server that stands still loses the connection, and with it the locks, within 5 s
  };

  // Connects. Fails with what the library or the server said, never with a password.
  static base::Result<std::unique_ptr<MysqlDatabase>> open(MysqlAddress address, Use use);
  ~MysqlDatabase() override;

  bool run(const std::string& sql) override;
  std::unique_ptr<Cursor> prepare(std::string_view sql) override;
  bool in_transaction() const override;
  void begin_reading() override;
  void end_reading() override;
  // Ends the old connection; statements stay. False: nobody answers, and the failure says so.
  bool reconnect() override;
  bool shared() const override { return true; }
  std::string_view insert_or_ignore() const override { return "INSERT IGNORE"; }

  // Rows are read while they come: nothing else can be asked before the last of them.
  bool streams() const { return use_ == Use::copying; }

  // Of the current failure.
  MysqlCure cure() const { return cure_; }
  bool connected() const { return connection_ != nullptr; }
  void disconnect();
  bool ping();

  // As prepare(), of text in which a '?' is nothing else.
  std::unique_ptr<Cursor> query(std::string sql);
  // Rows that the last INSERT or UPDATE changed.
  std::uint64_t changed_rows() const;
  // Appends 'text', quoted.
  void quote(std::string_view text, std::string& sql) const;
  st_mysql* raw() const { return connection_; }
  void fail();  // with what the library says of its last call
  void fail(int code, const char* state, const std::string& message);  // mysql_stmt_errno(3), ...
  bool has_bulk() const { return has_bulk_; }  // the server takes arrays (mysql_bulk.hpp)

 private:
  MysqlDatabase(MysqlAddress address, Use use) : address_(std::move(address)), use_(use) {}
  bool connect();

  const MysqlAddress address_;
  const Use use_;
  st_mysql* connection_ = nullptr;
  bool has_bulk_ = false;
  MysqlCure cure_ = MysqlCure::give_up;
};

}  // namespace starling::store
