#include "store/archive.hpp"

#include "store/mysql_archive.hpp"
#include "store/sqlite_archive.hpp"

namespace starling::store {

base::Result<std::unique_ptr<Archive>> Archive::open(const ArchiveOptions& options) {
  return options.mysql ? open_mysql(options) : open_sqlite(options);
}

}  // namespace starling::store
