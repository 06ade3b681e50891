// What an operator should know about a MySQL server, besides that it answers.
#pragma once

#include <cstdint>
#include <optional>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/mysql_address.hpp"

namespace starling::store {

struct MysqlFacts {
  base::WallMs clock = 0;
  // As it is set; nothing where the server has no such variable.
  std::optional<std::int64_t> flush_at_commit;  // innodb_flush_log_at_trx_commit
  std::optional<std::int64_t> log_bin;          // 0: no binary log
  std::optional<std::int64_t> sync_binlog;
};

// Fails where nobody answers.
base::Result<MysqlFacts> mysql_facts(const MysqlAddress& address);

}  // namespace starling::store
