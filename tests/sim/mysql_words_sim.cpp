#include "mysql_words_sim.hpp"

namespace starling::sim {
namespace {

void replace_all(std::string& text, std::string_view from, std::string_view to, std::size_t at) {
  for (at = text.find(from, at); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
}

}  // namespace

bool take_off(std::string& sql, std::string_view end) {
  if (!sql.ends_with(end)) return false;
  sql.resize(sql.size() - end.size());
  return true;
}

std::string translated(std::string_view statement) {
  std::string sql{statement};
  constexpr std::string_view ignore = "INSERT IGNORE";
  if (sql.starts_with(ignore)) sql.replace(0, ignore.size(), "INSERT OR IGNORE");
  constexpr std::string_view index = " FORCE INDEX (message_key)";
  if (const std::size_t at = sql.find(index); at != std::string::npos) sql.erase(at, index.size());
  constexpr std::string_view update = " ON DUPLICATE KEY UPDATE ";
  if (const std::size_t at = sql.rfind(update); at != std::string::npos) {
    constexpr std::string_view as = " ON CONFLICT DO UPDATE SET ";
    sql.replace(at, update.size(), as);
    for (std::size_t value = sql.find("VALUES(", at); value != std::string::npos;
         value = sql.find("VALUES(", value)) {
      sql.erase(sql.find(')', value), 1);
      sql.replace(value, 7, "excluded.");
    }
    replace_all(sql, "IF(", "iif(", at);
  }
  replace_all(sql, "GREATEST(", "max(", 0);
  return sql;
}

std::string table_of(const std::string& sql) {
  constexpr std::string_view from = " FROM ";
  const std::size_t begin = sql.find(from) + from.size();
  return sql.substr(begin, sql.find(' ', begin) - begin);
}
std::string quoted_key_of(const std::string& sql) {
  const std::size_t end = sql.rfind('\'');
  const std::size_t begin = sql.rfind('\'', end - 1) + 1;
  return sql.substr(begin, end - begin);
}

std::optional<unsigned> setting(std::string_view sql, std::string_view name) {
  const std::size_t at = sql.find(name);
  if (at == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(std::stoul(std::string{sql.substr(at + name.size(), 9)}));
}

}  // namespace starling::sim
