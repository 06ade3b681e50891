#include "store/copy.hpp"

#include <algorithm>
#include <cerrno>
#include <memory>
#include <utility>

#include "store/checksum.hpp"
#include "store/copy_ends.hpp"

namespace starling::store {
namespace {

constexpr std::uint64_t rows_told = 1'000;

// Adds up what does not depend on the order of rows, which databases choose themselves.
class RowSum {
 public:
  void add(std::span<const std::string_view> values) {
    row_.clear();
    for (const std::string_view value : values) {
      ((row_ += std::to_string(value.size())) += ':') += value;
    }
    sum_ += hash_of(row_);
    ++rows_;
  }
  std::uint64_t rows() const { return rows_; }
  CopiedTable of(std::string_view table) const { return {std::string{table}, rows_, as_hex(sum_)}; }

 private:
  std::string row_;
  std::uint64_t rows_ = 0;
  std::uint64_t sum_ = 0;
};

std::string joined(std::span<const std::string> names) {
  std::string list;
  for (const std::string& name : names) (list += list.empty() ? "" : ", ") += name;
  return list;
}

// A room that is none yet (store/mysql_schema.cpp) is left out.
std::string select_all(std::string_view table, std::span<const std::string> columns) {
  return "SELECT " + joined(columns) + " FROM " + std::string{table} +
         (table == "rooms" ? " WHERE created_at <> 0" : "");
}

class Copying {
 public:
  Copying(CopyEnd& from, const CopyProgress& progress) : from_(from), progress_(progress) {}

  // What the tables hold at this end; nothing: see the database's failure.
  std::optional<CopiedTable> sum(CopyEnd& end, CopyStep step, std::string_view table,
                                 RowSink* sink = nullptr) {
    RowSum sum;
    const std::vector<std::string> columns = from_.columns(table);
    Statement rows{end.database(), select_all(table, columns)};
    std::vector<std::string_view> values(columns.size());
    while (rows.step()) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = rows.text(static_cast<int>(i));
      sum.add(values);
      if (sink) sink->add(values);
      if (sum.rows() % rows_told == 0) progress_(step, table, sum.rows(), false);
    }
    if (end.database().failed()) return std::nullopt;
    if (sink) sink->flush();
    progress_(step, table, sum.rows(), true);
    return sum.of(table);
  }

 private:
  CopyEnd& from_;
  const CopyProgress& progress_;
};

base::Result<std::unique_ptr<CopyEnd>> open_source(const ArchivePlace& place) {
  return place.mysql ? open_mysql_source(*place.mysql) : open_sqlite_source(place.path);
}

base::Result<std::unique_ptr<CopyTarget>> open_target(const ArchivePlace& place) {
  return place.mysql ? open_mysql_target(*place.mysql) : open_sqlite_target(place.path);
}

base::Result<void> check_columns(CopyEnd& from, CopyEnd& to) {
  for (const std::string_view table : copied_tables) {
    const std::vector<std::string> columns = from.columns(table);
    if (!columns.empty() && columns == to.columns(table)) continue;
    return base::failure("the source was made by another version of starling (table " +
                             std::string{table} + "): start a server of this version on it once",
                         EBADMSG);
  }
  return {};
}

}  // namespace

std::vector<std::string> CopyEnd::columns(std::string_view table) {
  std::vector<std::string> names;
  Statement rows{database(), columns_query()};
  rows.with(table);
  while (rows.step()) names.emplace_back(rows.text(0));
  return names;
}

std::optional<std::int64_t> CopyEnd::meta(std::string_view name) {
  Statement row{database(), meta_query()};
  if (!row.with(name).step()) return std::nullopt;
  return row.integer(0);
}

std::string insertion_into(std::string_view table, std::span<const std::string> columns) {
  return "INSERT INTO " + std::string{table} + " (" + joined(columns) + ") VALUES ";
}

base::Result<ArchiveCopy> try_copy(const ArchivePlace& from, const ArchivePlace& to,
                                   const CopyProgress& progress) {
  const auto source = open_source(from);
  if (!source) return tl::make_unexpected(source.error());
  const auto target = open_target(to);
  if (!target) return tl::make_unexpected(target.error());
  ArchiveCopy copy;
  copy.epoch = (*source)->meta("epoch").value_or(0);
  Copying copying{**source, progress};
  for (const std::string_view table : copied_tables) {
    auto sum = copying.sum(**source, CopyStep::comparing, table);
    if (!sum) return copy_failure("cannot read the source", (*source)->database());
    copy.tables.push_back(std::move(*sum));
  }
  return copy;
}

base::Result<ArchiveCopy> copy_archive(const ArchivePlace& from, const ArchivePlace& to,
                                       const CopyProgress& progress) {
  const auto source = open_source(from);
  if (!source) return tl::make_unexpected(source.error());
  const auto target = open_target(to);
  if (!target) return tl::make_unexpected(target.error());
  CopyEnd& left = **source;
  CopyTarget& right = **target;
  if (auto begun = right.begin(); !begun) return tl::make_unexpected(begun.error());
  if (auto same = check_columns(left, right); !same) return tl::make_unexpected(same.error());

  ArchiveCopy copy;
  copy.epoch = left.meta("epoch").value_or(0);
  const std::int64_t next_message_id = left.meta("next_message_id").value_or(0);
  Copying copying{left, progress};
  for (const std::string_view table : copied_tables) {
    const auto sink = right.sink(table, left.columns(table));
    auto sum = copying.sum(left, CopyStep::writing, table, sink.get());
    if (!sum) return copy_failure("cannot read the source", left.database());
    if (right.database().failed()) {
      return copy_failure("cannot write the table " + std::string{table}, right.database());
    }
    copy.tables.push_back(std::move(*sum));
  }
  if (auto written = right.end_writing(); !written) return tl::make_unexpected(written.error());

  for (const CopiedTable& table : copy.tables) {
    const auto there = copying.sum(right, CopyStep::comparing, table.name);
    if (!there) return copy_failure("cannot read the target", right.database());
    if (there->rows == table.rows && there->checksum == table.checksum) continue;
    return base::failure("the copy differs in the table " + table.name + ": " +
                             std::to_string(there->rows) + " rows (" + there->checksum +
                             ") instead of " + std::to_string(table.rows) + " (" + table.checksum +
                             ")",
                         EBADMSG);
  }
  if (auto done = right.finish(copy.epoch, next_message_id); !done) {
    return tl::make_unexpected(done.error());
  }
  return copy;
}

}  // namespace starling::store
