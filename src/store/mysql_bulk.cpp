#include "store/mysql_bulk.hpp"

#include <mysql.h>

#include <memory>
#include <string>

namespace starling::store {
namespace {

constexpr std::size_t statement_bytes = 1'000'000;  // the server's bound is 16 MB

struct Close {
  void operator()(MYSQL_STMT* statement) const { mysql_stmt_close(statement); }
};

}  // namespace

MysqlBulk::Column& MysqlBulk::next_column() {
  if (column_ == columns_.size()) columns_.emplace_back();
  return columns_[column_++];
}

void MysqlBulk::number(std::uint64_t value) {
  next_column().numbers.push_back(value);
  bytes_ += sizeof value;
}

void MysqlBulk::text(std::string_view value) {
  Column& column = next_column();
  column.texts.push_back(value.data() ? value.data() : "");
  column.sizes.push_back(value.size());
  bytes_ += value.size();
}

void MysqlBulk::end_row() {
  column_ = 0;
  ++rows_;
  if (bytes_ >= statement_bytes) flush();
}

void MysqlBulk::flush() {
  if (rows_ > 0 && !database_.failed()) run();
  columns_.clear();
  rows_ = bytes_ = 0;
}

// Prepared each time: beside so many rows a question more is nothing, and there is nothing to be
// kept over a lost connection.
void MysqlBulk::run() {
  std::string sql{head_};
  for (std::size_t i = 0; i < columns_.size(); ++i) sql += i == 0 ? "(?" : ",?";
  sql += ')';
  const std::unique_ptr<MYSQL_STMT, Close> statement{mysql_stmt_init(database_.raw())};
  std::vector<MYSQL_BIND> bindings(columns_.size());
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    Column& column = columns_[i];
    const bool is_text = column.numbers.empty();
    bindings[i].buffer_type = is_text ? MYSQL_TYPE_STRING : MYSQL_TYPE_LONGLONG;
    bindings[i].is_unsigned = 1;
    bindings[i].buffer = is_text ? static_cast<void*>(column.texts.data())
                                 : static_cast<void*>(column.numbers.data());
    if (is_text) bindings[i].length = column.sizes.data();
  }
  const auto count = static_cast<unsigned>(rows_);
  const bool done = mysql_stmt_prepare(statement.get(), sql.data(), sql.size()) == 0 &&
                    mysql_stmt_attr_set(statement.get(), STMT_ATTR_ARRAY_SIZE, &count) == 0 &&
                    mysql_stmt_bind_param(statement.get(), bindings.data()) == 0 &&
                    mysql_stmt_execute(statement.get()) == 0;
  if (!done) {
    database_.fail(static_cast<int>(mysql_stmt_errno(statement.get())),
                   mysql_stmt_sqlstate(statement.get()), mysql_stmt_error(statement.get()));
  }
}

}  // namespace starling::store
