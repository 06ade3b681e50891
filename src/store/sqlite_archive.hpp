// An archive in a SQLite file, of one server alone.
#pragma once

#include <memory>

#include "base/result.hpp"
#include "store/archive.hpp"

namespace starling::store {

base::Result<std::unique_ptr<Archive>> open_sqlite(const ArchiveOptions& options);

}  // namespace starling::store
