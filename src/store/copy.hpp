// Moving house: everything in an archive goes into an empty one, of the same or another database,
// with its ids, its numbers and its epoch. Clients resume there as if nothing had happened.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/mysql_address.hpp"

namespace starling::store {

struct ArchivePlace {
  std::string path;                   // of SQLite's file
  std::optional<MysqlAddress> mysql;  // instead of it
};

struct CopiedTable {
  std::string name;
  std::uint64_t rows = 0;
  std::string checksum;  // of all rows, in whatever order they are read
};

struct ArchiveCopy {
  std::vector<CopiedTable> tables;
  std::int64_t epoch = 0;
};

enum class CopyStep : std::uint8_t { writing, comparing };
// Hears once for each thousand rows, and at the end of a table (`whole`), how many there were.
using CopyProgress =
    std::function<void(CopyStep step, std::string_view table, std::uint64_t rows, bool whole)>;

// Copies, reads what it has written, and compares counts and checksums; only then is the target an
// archive that a server takes. What an interrupted copy has left is begun anew.
//
// Failures, by errno(3): ENOENT there is no source; EBUSY a server or another copy uses one of the
// two; EBADMSG the source is no archive of this version, or the copy differs; EEXIST the target is
// not empty; EHOSTUNREACH a database does not answer; EIO anything else that a database says.
base::Result<ArchiveCopy> copy_archive(const ArchivePlace& from, const ArchivePlace& to,
                                       const CopyProgress& progress);

// The same checks and what would be copied, and nothing is changed.
base::Result<ArchiveCopy> try_copy(const ArchivePlace& from, const ArchivePlace& to,
                                   const CopyProgress& progress);

}  // namespace starling::store
