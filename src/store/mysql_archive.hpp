// An archive in MySQL or MariaDB, shared by any number of servers.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "store/archive.hpp"

namespace starling::store {

base::Result<std::unique_ptr<Archive>> open_mysql(const ArchiveOptions& options);

}  // namespace starling::store
