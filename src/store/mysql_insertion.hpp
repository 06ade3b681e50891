// Many rows into one table of MySQL, by as few statements as their size allows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "store/mysql_database.hpp"

namespace starling::store {

// Lives no longer than its database. Failures stick to that.
class MysqlInsertion {
 public:
  // `head`: "INSERT INTO table (columns) VALUES "; `tail`: what follows the rows. Both outlive it.
  MysqlInsertion(MysqlDatabase& database, std::string_view head, std::string_view tail = {})
      : database_(database), head_(head), tail_(tail) {}

  // The values of a row, one after the other.
  void number(std::uint64_t value) { begin_value() += std::to_string(value); }
  void number(std::int64_t value) { begin_value() += std::to_string(value); }
  void text(std::string_view value) { database_.quote(value, begin_value()); }
  // The row is complete; a statement that is long enough is run.
  void end_row();
  // Runs what is left.
  void flush();

 private:
  std::string& begin_value();

  MysqlDatabase& database_;
  const std::string_view head_;
  const std::string_view tail_;
  std::string sql_;  // empty: no rows yet
  bool in_row_ = false;
};

}  // namespace starling::store
