// What the writers of all databases have in common: see store/archive.hpp for what they promise.
#pragma once

#include <atomic>
#include <span>
#include <string>
#include <vector>

#include "base/mailbox.hpp"
#include "base/time.hpp"
#include "io/wake.hpp"
#include "store/archive.hpp"

namespace starling::store {

// What a client is told of what was certainly not kept.
chat::Failure not_kept();

// The mailbox, batches and their splitting, what is told to shards and listeners; how a batch is
// committed is the database's. Lives on the writer's thread, but for what store/archive.hpp says.
class BatchWriter : public Writer {
 public:
  bool post(WriteRequestWithTicket&& request) override;
  std::size_t backlog() const override { return backlog_.load(std::memory_order_relaxed); }
  WriterMetrics metrics() const override;
  bool turn() override;
  void wait(base::Duration longest) override;
  void wake() override { wake_.notify(); }

 protected:
  using Requests = std::span<WriteRequestWithTicket>;
  enum class Outcome : std::uint8_t {
    committed,
    refused,   // certainly not kept: the disk is full, the database is away
    rejected,  // the database rejected what one of the requests wanted
    unknown,   // it failed while committing
    aside,     // others hold a room: the writer itself has them done now or keeps them
  };

  BatchWriter(io::Wake wake, const ArchiveOptions& options, std::uint64_t epoch,
              std::vector<chat::ShardInbox*> inboxes);

  // One transaction: fills events_ and replies_.
  virtual Outcome attempt(Requests requests) = 0;
  // Before anything is numbered. False: that cannot be now.
  virtual bool ready() = 0;
  // What was taken from the mailbox, before it is committed.
  virtual void look_over(std::vector<WriteRequestWithTicket>&) {}
  // True: something was done.
  virtual bool after_turn() = 0;

  // Commits the requests together, or, where the database rejects one of them, apart.
  void process(Requests requests);
  // Those whose outcome was unknown, once more and before all others. True: none is left.
  bool repeat_unsettled();
  // Everything that waits is told so; false if nothing did.
  bool answer_waiting(const chat::Failure& failure);

  void answer_all(Requests requests, const chat::Failure& failure);
  bool unsettled() const { return trial_unsettled_ || !unsettled_.empty(); }
  void count_commit(base::Instant start);
  void count_failure();
  // Writing is possible again, as far as can be said without a batch.
  void note_healthy() { healthy_.store(true, std::memory_order_relaxed); }
  // What follows waits for the database; longer than `patience` is a failure that can be seen.
  void begin_waiting();
  void end_waiting() { waiting_since_.store(0, std::memory_order_relaxed); }
  void wake_shards();
  void count_loss() { lost_commits_.fetch_add(1, std::memory_order_relaxed); }
  // The shards of this server compare their rooms with the archive.
  void tell_missed();
  // So do those of all servers: the archive has a new epoch.
  void tell_epoch();

  const ArchiveOptions options_;
  std::uint64_t epoch_;
  // A batch of which nobody knows whether it was kept. Its keys make the repetition safe.
  std::vector<WriteRequestWithTicket> unsettled_;
  bool trial_unsettled_ = false;      // nor of a commit that only tried whether one is possible
  std::vector<chat::Event> events_;   // of the current attempt
  std::vector<chat::Reply> replies_;  // one for each of its requests

 private:
  bool take_batch();
  void deliver(Requests requests);
  void reply(const chat::Ticket& ticket, chat::Reply&& reply);

  io::Wake wake_;
  const std::vector<chat::ShardInbox*> inboxes_;
  base::Mailbox<WriteRequestWithTicket> mailbox_;
  std::atomic<std::size_t> backlog_{0};
  std::vector<WriteRequestWithTicket> batch_;
  std::vector<bool> touched_;  // shards that were answered

  std::atomic<std::uint64_t> commits_{0};
  std::atomic<std::uint64_t> committed_events_{0};
  std::atomic<std::uint64_t> failed_commits_{0};
  std::atomic<std::uint64_t> isolated_{0};
  std::atomic<std::uint64_t> lost_commits_{0};
  base::SharedHistogram<base::DurationScale> commit_time_;
  base::SharedHistogram<base::CountScale> batch_size_;
  std::atomic<bool> healthy_{true};
  std::atomic<std::int64_t> waiting_since_{0};  // of io::now(); 0: not now
};

}  // namespace starling::store
