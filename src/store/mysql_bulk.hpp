// Many rows into one table of MariaDB by one statement whose parameters are arrays: half of the
// work that text is for both sides, from some dozens of rows on. MySQL has nothing like it, and is
// given text (mysql_insertion.hpp).
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "store/mysql_database.hpp"

namespace starling::store {

// Lives no longer than its database. Failures stick to that.
class MysqlBulk {
 public:
  // `head`: "INSERT INTO table (columns) VALUES "; outlives it. The database has_bulk().
  MysqlBulk(MysqlDatabase& database, std::string_view head) : database_(database), head_(head) {}

  // The values of a row, one after the other, of one kind in each column. Text is not copied: it
  // must live until flush().
  void number(std::uint64_t value);
  void number(std::int64_t value) { number(static_cast<std::uint64_t>(value)); }
  void text(std::string_view value);
  // The row is complete; a statement that is large enough is run.
  void end_row();
  // Runs what is left.
  void flush();

 private:
  struct Column {
    std::vector<std::uint64_t> numbers;
    std::vector<const char*> texts;  // a column is one or the other
    std::vector<unsigned long> sizes;
  };
  Column& next_column();
  void run();

  MysqlDatabase& database_;
  const std::string_view head_;
  std::vector<Column> columns_;
  std::size_t column_ = 0;  // of the row that is being made
  std::size_t rows_ = 0;
  std::size_t bytes_ = 0;
};

}  // namespace starling::store
