#include "store/database.hpp"

namespace starling::store {

std::optional<std::int64_t> Database::number(std::string_view sql) {
  Statement statement{*this, sql};
  if (!statement.step()) return std::nullopt;
  return statement.integer(0);
}

void Database::clear_failure() {
  failure_code_ = 0;
  failure_.clear();
}

void Database::keep_failure(int code, std::string message) {
  if (failed()) return;
  failure_code_ = code;
  failure_ = std::move(message);
}

}  // namespace starling::store
