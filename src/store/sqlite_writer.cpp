#include "store/sqlite_writer.hpp"

#include <sqlite3.h>

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <system_error>
#include <utility>

#include "base/log.hpp"
#include "io/clock.hpp"

namespace starling::store {
namespace {

// Of the write-ahead log, 16 MB. The longer it is, the fewer times a page that every commit changes
// is written back; SQLite's own 1,000 cost a tenth more CPU for each message.
constexpr int checkpoint_pages = 4'000;
// Where writing failed: how often it is tried whether it can be done, and what must be free then,
// for the one page of a trial may find room where no message does.
constexpr base::Duration trial_pause = std::chrono::seconds{2};
constexpr std::uintmax_t trial_bytes = 1'048'576;

bool has_room(const char* file) {
  std::error_code unknown;
  const std::filesystem::space_info space = std::filesystem::space(file, unknown);
  return unknown || space.available >= trial_bytes;
}

// A full disk stops a commit before its last frame is in the log, which then counts for nothing.
// After any other failure, above all of fsync(2), the frames may or may not be there.
bool is_certain(int code) {
  const int primary = code & 0xff;
  return primary == SQLITE_FULL || primary == SQLITE_BUSY;
}

}  // namespace

SqliteWriter::SqliteWriter(std::unique_ptr<SqliteDatabase> database, io::Wake wake,
                           const ArchiveOptions& options, std::uint64_t epoch,
                           std::vector<chat::ShardInbox*> inboxes)
    : BatchWriter(std::move(wake), options, epoch, std::move(inboxes)),
      database_(std::move(database)),
      rows_(*database_),
      numbering_(rows_, epoch) {
  // Checkpoints are ours: SQLite's automatic ones keep their errors to themselves.
  sqlite3_wal_hook(database_->raw(), &SqliteWriter::on_commit, this);
}

int SqliteWriter::on_commit(void* self, sqlite3*, const char*, int pages) {
  static_cast<SqliteWriter*>(self)->wal_pages_ = pages;
  return SQLITE_OK;
}

SqliteWriter::Outcome SqliteWriter::attempt(Requests requests) {
  const base::Instant start = io::now();
  events_.clear();
  replies_.clear();
  database_->clear_failure();
  leave_transaction();
  database_->run("BEGIN IMMEDIATE");
  numbering_.begin(io::wall_clock(), requests);
  for (const WriteRequestWithTicket& entry : requests) {
    replies_.push_back(numbering_.apply(entry, events_));
    if (database_->failed()) break;
  }
  if (!database_->failed()) numbering_.finish();
  if (database_->failed()) {
    const int primary = database_->failure_code() & 0xff;
    const bool rejected = primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH ||
                          primary == SQLITE_TOOBIG || primary == SQLITE_ERROR;
    base::log(rejected ? base::LogLevel::error : base::LogLevel::warning,
              "a transaction failed before its commit", {{"error", database_->failure()}});
    if (!rejected) count_failure();
    roll_back();
    return rejected ? Outcome::rejected : Outcome::refused;
  }
  database_->run("COMMIT");
  if (database_->failed()) return classify_commit_failure();
  count_commit(start);
  return Outcome::committed;
}

SqliteWriter::Outcome SqliteWriter::classify_commit_failure() {
  const bool clean = is_certain(database_->failure_code());
  count_failure();
  base::log(base::LogLevel::error, "a commit failed", {{"error", database_->failure()}});
  roll_back();
  return clean ? Outcome::refused : Outcome::unknown;
}

void SqliteWriter::roll_back() {
  database_->clear_failure();
  leave_transaction();
  database_->clear_failure();
  rows_.rolled_back();
}

// Fails where there is no memory for it: then it is made up for before anything else is done.
void SqliteWriter::leave_transaction() {
  if (database_->in_transaction()) database_->run("ROLLBACK");
}

// Nothing is acknowledged after a failed fsync until the log has been written back and cut: then
// the failed commit is gone from it for certain, and its batch is done again.
bool SqliteWriter::settle_unknown() {
  database_->clear_failure();
  leave_transaction();
  const int code = sqlite3_wal_checkpoint_v2(database_->raw(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                             nullptr, nullptr);
  if (code != SQLITE_OK) return false;
  wal_pages_ = 0;
  trial_unsettled_ = false;
  return repeat_unsettled();
}

bool SqliteWriter::ready() {
  if (unsettled() && !settle_unknown()) return false;
  try_writing();
  return !unsettled();
}

// Who is told that this server cannot write sends it nothing, so that no batch would ever tell that
// it can again. The row is changed twice: SQLite writes no page for a value that stays.
void SqliteWriter::try_writing() {
  if (metrics().healthy || io::now() < next_trial_) return;
  next_trial_ = io::now() + trial_pause;
  if (!has_room(sqlite3_db_filename(database_->raw(), "main"))) return;
  begin_waiting();
  database_->clear_failure();
  leave_transaction();
  const std::string change = "UPDATE meta SET value = -value WHERE key = 'next_message_id'";
  if (!database_->failed() && database_->run("BEGIN IMMEDIATE") && database_->run(change) &&
      database_->run(change)) {
    if (database_->run("COMMIT")) {
      note_healthy();
    } else {
      trial_unsettled_ = !is_certain(database_->failure_code());
    }
  }
  roll_back();
  end_waiting();
}

void SqliteWriter::checkpoint_if_due() {
  if (wal_pages_ < checkpoint_pages) return;
  int pages_left = 0;
  int pages_written = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_->raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             &pages_left, &pages_written);
  wal_pages_ = 0;  // tried; the next commit says how long the log is now
  if (code == SQLITE_OK || code == SQLITE_BUSY) return;
  base::log(base::LogLevel::warning, "a checkpoint of the database failed; the log keeps growing",
            {{"error", sqlite3_errmsg(database_->raw())}});
}

}  // namespace starling::store
