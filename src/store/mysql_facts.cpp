#include "store/mysql_facts.hpp"

#include <string>
#include <utility>

#include "store/mysql_database.hpp"

namespace starling::store {
namespace {

std::optional<std::int64_t> variable(MysqlDatabase& database, const std::string& name) {
  const auto value = database.number("SELECT @@GLOBAL." + name);
  database.clear_failure();
  return value;
}

}  // namespace

base::Result<MysqlFacts> mysql_facts(const MysqlAddress& address) {
  auto database = MysqlDatabase::open(address, MysqlDatabase::Use::reading);
  if (!database) return tl::make_unexpected(std::move(database.error()));
  MysqlFacts facts;
  const auto clock = (*database)->number("SELECT CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)");
  if (!clock) return base::failure("the database failed: " + (*database)->failure());
  facts.clock = *clock;
  facts.flush_at_commit = variable(**database, "innodb_flush_log_at_trx_commit");
  facts.log_bin = variable(**database, "log_bin");
  facts.sync_binlog = variable(**database, "sync_binlog");
  return facts;
}

}  // namespace starling::store
