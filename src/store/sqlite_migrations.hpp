// The schema's history: numbered steps, embedded, applied in order, each in a transaction of its
// own, remembered with a checksum. What has been released is never changed, only followed.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/result.hpp"
#include "store/database.hpp"

namespace starling::store {

struct Migration {
  int version;  // 1, 2, 3, ...
  std::string_view name;
  const char* sql;
};

std::span<const Migration> migrations();

// Brings the database to the newest version. Fails, changing nothing, where it was made by a newer
// version of the program, or where a step that it remembers is not the one of this program.
base::Result<void> migrate(Database& database, std::span<const Migration> steps);

}  // namespace starling::store
