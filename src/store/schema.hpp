// The schema of a MySQL archive, for who operates it. (SQLite's follows by itself when it is
// opened.)
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "base/time.hpp"
#include "store/mysql_address.hpp"

namespace starling::store {

struct SchemaStep {
  int version = 0;  // 1, 2, 3, ...
  std::string name;
  base::WallMs applied_at = 0;  // 0: it is still to be done
};

struct SchemaStatus {
  std::vector<SchemaStep> steps;  // all that this program knows, in order
  bool has_original = false;      // tables of the PHP original that will be taken over

  std::size_t pending() const;
};

// Fails where nobody answers, and where the database's history is not a part of this program's.
base::Result<SchemaStatus> mysql_schema(const MysqlAddress& address);

// Does what is pending, one after the other; of several at once the first does it and the others
// find it done. What was interrupted anywhere is taken up again. `done` hears of each step.
base::Result<void> migrate_mysql(const MysqlAddress& address,
                                 const std::function<void(const SchemaStep&)>& done);

}  // namespace starling::store
