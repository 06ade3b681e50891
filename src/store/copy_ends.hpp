// The two ends of a copy (store/copy.hpp), for each database: what is asked of them differs, rows
// are text in both.
#pragma once

#include <array>
#include <cerrno>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.hpp"
#include "store/copy.hpp"
#include "store/database.hpp"

namespace starling::store {

// All tables of an archive, but for the history of its schema, which each database has of its own,
// and `meta`.
inline constexpr std::array<std::string_view, 6> copied_tables{
    "users", "rooms", "messages", "members", "restrictions", "revoked_tokens"};

// The values of a row, in the order of the columns that were asked for.
class RowSink {
 public:
  virtual ~RowSink() = default;
  virtual void add(std::span<const std::string_view> values) = 0;
  virtual void flush() = 0;
};

class CopyEnd {
 public:
  virtual ~CopyEnd() = default;
  virtual Database& database() = 0;
  // Names in alphabetical order; none: there is no such table.
  std::vector<std::string> columns(std::string_view table);
  // A number that `meta` has under that name.
  std::optional<std::int64_t> meta(std::string_view name);

 protected:
  virtual std::string_view columns_query() const = 0;  // of the table `?`
  virtual std::string_view meta_query() const = 0;     // of the name `?`
};

class CopyTarget : public CopyEnd {
 public:
  // Now it holds an unfinished copy, which no server takes for an archive. Nobody has used it.
  virtual base::Result<void> begin() = 0;
  virtual std::unique_ptr<RowSink> sink(std::string_view table,
                                        std::span<const std::string> columns) = 0;
  // All rows are written: makes them last, so that they may be compared.
  virtual base::Result<void> end_writing() = 0;
  // They are right. It is an archive from here on.
  virtual base::Result<void> finish(std::int64_t epoch, std::int64_t next_message_id) = 0;
};

// Both hold on to what they open, so that no server can use it meanwhile (SQLite), or look whether
// one does (MySQL). The failures of store/copy.hpp.
base::Result<std::unique_ptr<CopyEnd>> open_sqlite_source(const std::string& path);
base::Result<std::unique_ptr<CopyEnd>> open_mysql_source(const MysqlAddress& address);
base::Result<std::unique_ptr<CopyTarget>> open_sqlite_target(const std::string& path);
base::Result<std::unique_ptr<CopyTarget>> open_mysql_target(const MysqlAddress& address);

// "INSERT INTO table (columns) VALUES "
std::string insertion_into(std::string_view table, std::span<const std::string> columns);

// What a database says about anything that is not told apart.
inline tl::unexpected<base::Error> copy_failure(const std::string& what, const Database& database) {
  return base::failure(what + ": " + database.failure(), EIO);
}

}  // namespace starling::store
