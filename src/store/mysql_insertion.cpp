#include "store/mysql_insertion.hpp"

namespace starling::store {
namespace {

constexpr std::size_t statement_bytes = 1'000'000;  // the server's bound is 16 MB

}  // namespace

std::string& MysqlInsertion::begin_value() {
  if (in_row_) return sql_ += ',';
  in_row_ = true;
  if (!sql_.empty()) return sql_ += ",(";
  return sql_.append(head_) += '(';
}

void MysqlInsertion::end_row() {
  sql_ += ')';
  in_row_ = false;
  if (sql_.size() >= statement_bytes) flush();
}

void MysqlInsertion::flush() {
  if (!sql_.empty()) database_.run(sql_.append(tail_));
  sql_.clear();
}

}  // namespace starling::store
