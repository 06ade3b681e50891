// The writer of a SQLite archive.
#pragma once

#include <memory>
#include <vector>

#include "store/batch_writer.hpp"
#include "store/numbering.hpp"
#include "store/sqlite_database.hpp"
#include "store/sqlite_rows.hpp"

namespace starling::store {

class SqliteWriter final : public BatchWriter {
 public:
  SqliteWriter(std::unique_ptr<SqliteDatabase> database, io::Wake wake,
               const ArchiveOptions& options, std::uint64_t epoch,
               std::vector<chat::ShardInbox*> inboxes);

 private:
  Outcome attempt(Requests requests) override;
  bool ready() override;
  bool after_turn() override { return checkpoint_if_due(), false; }
  // As sqlite3_wal_hook() wants it; `pages`: in the log now.
  static int on_commit(void* self, sqlite3*, const char*, int pages);
  Outcome classify_commit_failure();
  bool settle_unknown();
  void try_writing();
  void checkpoint_if_due();
  void roll_back();
  void leave_transaction();

  // Statements end before the database they belong to.
  std::unique_ptr<SqliteDatabase> database_;
  SqliteRows rows_;
  Numbering numbering_;
  int wal_pages_ = 0;
  base::Instant next_trial_{};
};

}  // namespace starling::store
