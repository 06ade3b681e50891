#include "store/writer.hpp"

#include <sqlite3.h>

#include <utility>

#include "base/check.hpp"
#include "base/log.hpp"
#include "io/clock.hpp"

namespace starling::store {
namespace {

constexpr int checkpoint_pages = 1'000;  // of the write-ahead log; SQLite's own default

const chat::Failure not_kept{chat::FailureCode::unavailable,
                             "The archive cannot keep it now, try again"};

}  // namespace

SqliteWriter::SqliteWriter(Database database, io::Wake wake, const ArchiveOptions& options,
                           std::uint64_t epoch, std::vector<chat::ShardInbox*> inboxes)
    : database_(std::move(database)),
      numbering_(std::make_unique<Numbering>(database_, epoch)),
      wake_(std::move(wake)),
      options_(options),
      epoch_(epoch),
      inboxes_(std::move(inboxes)),
      mailbox_(options.mailbox_items),
      touched_(inboxes_.size()) {
  // Checkpoints are ours: SQLite's automatic ones keep their errors to themselves.
  sqlite3_wal_hook(
      database_.raw(),
      [](void* self, sqlite3*, const char*, int pages) {
        static_cast<SqliteWriter*>(self)->wal_pages_ = pages;
        return SQLITE_OK;
      },
      this);
}

SqliteWriter::~SqliteWriter() = default;

bool SqliteWriter::post(WriteRequestWithTicket&& request) {
  if (!mailbox_.post(std::move(request))) return false;
  backlog_.fetch_add(1, std::memory_order_relaxed);
  wake_.notify();
  return true;
}

WriterMetrics SqliteWriter::metrics() const {
  WriterMetrics metrics;
  metrics.commits = commits_.load(std::memory_order_relaxed);
  metrics.events = committed_events_.load(std::memory_order_relaxed);
  metrics.failed_commits = failed_commits_.load(std::memory_order_relaxed);
  metrics.isolated = isolated_.load(std::memory_order_relaxed);
  metrics.commit_ns_total = commit_ns_.load(std::memory_order_relaxed);
  metrics.healthy = healthy_.load(std::memory_order_relaxed);
  return metrics;
}

bool SqliteWriter::turn() {
  if (!unsettled_.empty() && !settle_unknown()) return false;
  batch_.clear();
  while (batch_.size() < options_.batch_events) {
    std::optional<WriteRequestWithTicket> request = mailbox_.take();
    if (!request) break;
    batch_.push_back(std::move(*request));
  }
  if (batch_.empty()) return false;
  backlog_.fetch_sub(batch_.size(), std::memory_order_relaxed);
  process(batch_);
  wake_shards();
  checkpoint_if_due();
  return true;
}

void SqliteWriter::wait(base::Duration longest) {
  wake_.prepare_sleep();
  if (!mailbox_.ready() || !unsettled_.empty()) wake_.wait(longest);
  wake_.awake();
}

// Commits the requests together, or, where the database rejects one of them, apart.
void SqliteWriter::process(Requests requests) {
  switch (attempt(requests)) {
    case Outcome::committed:
      deliver(requests);
      return;
    case Outcome::refused:
      answer_all(requests, not_kept);
      return;
    case Outcome::unknown:
      // What follows in a batch that was split waits too: order holds.
      unsettled_.insert(unsettled_.end(), requests.begin(), requests.end());
      return;
    case Outcome::rejected:
      break;
  }
  if (requests.size() == 1) {
    isolated_.fetch_add(1, std::memory_order_relaxed);
    answer_all(requests, {chat::FailureCode::internal, "The archive rejected it"});
    return;
  }
  const std::size_t half = requests.size() / 2;
  process(requests.first(half));
  if (unsettled_.empty()) {
    process(requests.subspan(half));
  } else {
    const Requests rest = requests.subspan(half);
    unsettled_.insert(unsettled_.end(), rest.begin(), rest.end());
  }
}

SqliteWriter::Outcome SqliteWriter::attempt(Requests requests) {
  const base::Instant start = io::now();
  events_.clear();
  replies_.clear();
  database_.clear_failure();
  database_.run("BEGIN IMMEDIATE");
  numbering_->begin(io::wall_clock());
  for (const WriteRequestWithTicket& entry : requests) {
    replies_.push_back(numbering_->apply(entry.request, events_));
    if (database_.failed()) break;
  }
  if (!database_.failed()) numbering_->finish();
  if (database_.failed()) {
    const int primary = database_.failure_code() & 0xff;
    const bool rejected = primary == SQLITE_CONSTRAINT || primary == SQLITE_MISMATCH ||
                          primary == SQLITE_TOOBIG || primary == SQLITE_ERROR;
    base::log(rejected ? base::LogLevel::error : base::LogLevel::warning,
              "a transaction failed before its commit", {{"error", database_.failure()}});
    if (!rejected) {
      failed_commits_.fetch_add(1, std::memory_order_relaxed);
      healthy_.store(false, std::memory_order_relaxed);
    }
    roll_back();
    return rejected ? Outcome::rejected : Outcome::refused;
  }
  database_.run("COMMIT");
  if (database_.failed()) return classify_commit_failure();
  commits_.fetch_add(1, std::memory_order_relaxed);
  committed_events_.fetch_add(events_.size(), std::memory_order_relaxed);
  commit_ns_.fetch_add(static_cast<std::uint64_t>((io::now() - start).count()),
                       std::memory_order_relaxed);
  healthy_.store(true, std::memory_order_relaxed);
  return Outcome::committed;
}

// A full disk stops a commit before its last frame is in the log, which then counts for nothing.
// After any other failure, above all of fsync(2), the frames may or may not be there.
SqliteWriter::Outcome SqliteWriter::classify_commit_failure() {
  const int primary = database_.failure_code() & 0xff;
  const bool clean = primary == SQLITE_FULL || primary == SQLITE_BUSY;
  failed_commits_.fetch_add(1, std::memory_order_relaxed);
  healthy_.store(false, std::memory_order_relaxed);
  base::log(base::LogLevel::error, "a commit failed", {{"error", database_.failure()}});
  roll_back();
  return clean ? Outcome::refused : Outcome::unknown;
}

void SqliteWriter::roll_back() {
  database_.clear_failure();
  if (database_.in_transaction()) database_.run("ROLLBACK");
  database_.clear_failure();
  numbering_->rolled_back();
}

// Nothing is acknowledged after a failed fsync until the log has been written back and cut: then
// the failed commit is gone from it for certain, and its batch is done again.
bool SqliteWriter::settle_unknown() {
  database_.clear_failure();
  const int code = sqlite3_wal_checkpoint_v2(database_.raw(), nullptr, SQLITE_CHECKPOINT_TRUNCATE,
                                             nullptr, nullptr);
  if (code != SQLITE_OK) return false;
  wal_pages_ = 0;
  batch_ = std::exchange(unsettled_, {});
  // At most as many at once as any batch; those behind wait for their turn in the same order.
  if (!batch_.empty()) process(batch_);
  wake_shards();
  return unsettled_.empty();
}

// The batch goes to the shards with members before the replies do, so that whoever reads a reply
// has been given everything that was committed before it.
void SqliteWriter::deliver(Requests requests) {
  if (!events_.empty()) {
    auto batch = std::make_shared<chat::CommittedBatch>();
    batch->epoch = epoch_;
    batch->entries.reserve(events_.size());
    for (chat::Event& event : events_) {
      const std::size_t offset = batch->frames.size();
      options_.encoder->append_frame(event, batch->frames);
      batch->add(std::move(event), offset);
    }
    for (std::size_t shard = 0; shard < inboxes_.size(); ++shard) {
      if (inboxes_[shard]->committed(batch)) touched_[shard] = true;
    }
    if (options_.listener) options_.listener->committed(batch);
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    reply(requests[i].ticket, std::move(replies_[i]));
  }
}

void SqliteWriter::answer_all(Requests requests, const chat::Failure& failure) {
  for (const WriteRequestWithTicket& entry : requests) reply(entry.ticket, failure);
}

void SqliteWriter::reply(const chat::Ticket& ticket, chat::Reply&& reply) {
  CHECK(ticket.shard < inboxes_.size());
  inboxes_[ticket.shard]->reply({ticket, std::move(reply)});
  touched_[ticket.shard] = true;
}

void SqliteWriter::wake_shards() {
  for (std::size_t shard = 0; shard < inboxes_.size(); ++shard) {
    if (touched_[shard]) inboxes_[shard]->wake();
    touched_[shard] = false;
  }
}

void SqliteWriter::checkpoint_if_due() {
  if (wal_pages_ < checkpoint_pages) return;
  int pages_left = 0;
  int pages_written = 0;
  const int code = sqlite3_wal_checkpoint_v2(database_.raw(), nullptr, SQLITE_CHECKPOINT_PASSIVE,
                                             &pages_left, &pages_written);
  wal_pages_ = 0;  // tried; the next commit says how long the log is now
  if (code == SQLITE_OK || code == SQLITE_BUSY) return;
  base::log(base::LogLevel::warning, "a checkpoint of the database failed; the log keeps growing",
            {{"error", sqlite3_errmsg(database_.raw())}});
}

}  // namespace starling::store
