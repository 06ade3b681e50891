// The writer of a SQLite archive: see store/archive.hpp for what it promises.
#pragma once

#include <atomic>
#include <memory>
#include <span>
#include <vector>

#include "base/mailbox.hpp"
#include "io/wake.hpp"
#include "store/archive.hpp"
#include "store/numbering.hpp"
#include "store/sqlite.hpp"

namespace starling::store {

class SqliteWriter final : public Writer {
 public:
  SqliteWriter(Database database, io::Wake wake, const ArchiveOptions& options, std::uint64_t epoch,
               std::vector<chat::ShardInbox*> inboxes);
  ~SqliteWriter() override;

  bool post(WriteRequestWithTicket&& request) override;
  std::size_t backlog() const override { return backlog_.load(std::memory_order_relaxed); }
  WriterMetrics metrics() const override;
  bool turn() override;
  void wait(base::Duration longest) override;
  void wake() override { wake_.notify(); }

 private:
  using Requests = std::span<const WriteRequestWithTicket>;
  enum class Outcome : std::uint8_t {
    committed,
    refused,   // certainly not kept: disk full, busy
    rejected,  // the database rejected what one of the requests wanted
    unknown,   // the disk failed while committing
  };

  void process(Requests requests);
  Outcome attempt(Requests requests);
  Outcome classify_commit_failure();
  void deliver(Requests requests);
  void answer_all(Requests requests, const chat::Failure& failure);
  void reply(const chat::Ticket& ticket, chat::Reply&& reply);
  bool settle_unknown();
  void checkpoint_if_due();
  void roll_back();
  void wake_shards();

  // The numbering's statements end before the database they belong to.
  Database database_;
  std::unique_ptr<Numbering> numbering_;
  io::Wake wake_;
  const ArchiveOptions options_;
  const std::uint64_t epoch_;
  const std::vector<chat::ShardInbox*> inboxes_;
  base::Mailbox<WriteRequestWithTicket> mailbox_;
  std::atomic<std::size_t> backlog_{0};

  std::vector<WriteRequestWithTicket> batch_;
  // A batch whose commit failed in the disk: repeated once the log has been cut, before anything
  // else is numbered. Its keys make the repetition safe.
  std::vector<WriteRequestWithTicket> unsettled_;
  std::vector<chat::Event> events_;   // of the current attempt
  std::vector<chat::Reply> replies_;  // one for each of its requests
  std::vector<bool> touched_;         // shards that were answered
  int wal_pages_ = 0;

  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> committed_events_{0};
  std::atomic<std::uint64_t> failed_commits_{0};
  std::atomic<std::uint64_t> isolated_{0};
  std::atomic<std::uint64_t> commit_ns_{0};
  std::atomic<bool> healthy_{true};
};

}  // namespace starling::store
