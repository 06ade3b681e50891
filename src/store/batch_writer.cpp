#include "store/batch_writer.hpp"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "base/check.hpp"
#include "io/clock.hpp"

namespace starling::store {

namespace {

// Longer than a transaction that waits for rooms that others hold.
constexpr base::Duration patience = std::chrono::seconds{4};

}  // namespace

chat::Failure not_kept() {
  return {chat::FailureCode::unavailable, "The archive cannot keep it now, try again"};
}

BatchWriter::BatchWriter(io::Wake wake, const ArchiveOptions& options, std::uint64_t epoch,
                         std::vector<chat::ShardInbox*> inboxes)
    : options_(options),
      epoch_(epoch),
      wake_(std::move(wake)),
      inboxes_(std::move(inboxes)),
      mailbox_(options.mailbox_items),
      touched_(inboxes_.size()) {}

bool BatchWriter::post(WriteRequestWithTicket&& request) {
  if (!mailbox_.post(std::move(request))) return false;
  backlog_.fetch_add(1, std::memory_order_relaxed);
  return true;
}

WriterMetrics BatchWriter::metrics() const {
  WriterMetrics metrics;
  metrics.commits = commits_.load(std::memory_order_relaxed);
  metrics.events = committed_events_.load(std::memory_order_relaxed);
  metrics.failed_commits = failed_commits_.load(std::memory_order_relaxed);
  metrics.lost_commits = lost_commits_.load(std::memory_order_relaxed);
  metrics.isolated = isolated_.load(std::memory_order_relaxed);
  metrics.commit_time = commit_time_.read();
  metrics.batch = batch_size_.read();
  const std::int64_t since = waiting_since_.load(std::memory_order_relaxed);
  const bool hangs = since != 0 && io::now().time_since_epoch() > base::Duration{since} + patience;
  metrics.healthy = healthy_.load(std::memory_order_relaxed) && !hangs;
  return metrics;
}

bool BatchWriter::turn() {
  if (!ready()) return false;
  const bool taken = take_batch();
  if (taken) {
    look_over(batch_);
    if (!batch_.empty()) process(batch_);
    wake_shards();
  }
  return after_turn() || taken;
}

void BatchWriter::wait(base::Duration longest) {
  wake_.prepare_sleep();
  if (!mailbox_.ready() || unsettled()) wake_.wait(longest);
  wake_.awake();
}

bool BatchWriter::take_batch() {
  batch_.clear();
  while (batch_.size() < options_.batch_events) {
    std::optional<WriteRequestWithTicket> request = mailbox_.take();
    if (!request) break;
    batch_.push_back(std::move(*request));
  }
  backlog_.fetch_sub(batch_.size(), std::memory_order_relaxed);
  return !batch_.empty();
}

void BatchWriter::begin_waiting() {
  waiting_since_.store(io::now().time_since_epoch().count(), std::memory_order_relaxed);
}

void BatchWriter::process(Requests requests) {
  begin_waiting();
  Outcome outcome = attempt(requests);
  end_waiting();
  // That it was not kept this time tells nothing of the time before.
  const bool certain = outcome == Outcome::committed || outcome == Outcome::rejected;
  if (!certain && requests.front().repeated) outcome = Outcome::unknown;
  switch (outcome) {
    case Outcome::committed:
      deliver(requests);
      return;
    case Outcome::refused:
      answer_all(requests, not_kept());
      return;
    case Outcome::unknown:
      // What follows in a batch that was split waits too: order holds.
      unsettled_.insert(unsettled_.end(), requests.begin(), requests.end());
      return;
    case Outcome::aside:
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

// At most as many at once as any batch; those behind wait for their turn in the same order.
bool BatchWriter::repeat_unsettled() {
  batch_ = std::exchange(unsettled_, {});
  if (!batch_.empty()) process(batch_);
  wake_shards();
  return unsettled_.empty();
}

bool BatchWriter::answer_waiting(const chat::Failure& failure) {
  if (!take_batch()) return false;
  answer_all(batch_, failure);
  wake_shards();
  return true;
}

// The batch goes to the shards with members before the replies do, so that whoever reads a reply
// has been given everything that was committed before it.
void BatchWriter::deliver(Requests requests) {
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

void BatchWriter::answer_all(Requests requests, const chat::Failure& failure) {
  for (const WriteRequestWithTicket& entry : requests) reply(entry.ticket, failure);
}

void BatchWriter::reply(const chat::Ticket& ticket, chat::Reply&& reply) {
  CHECK(ticket.shard < inboxes_.size());
  inboxes_[ticket.shard]->reply({ticket, std::move(reply)});
  touched_[ticket.shard] = true;
}

void BatchWriter::wake_shards() {
  for (std::size_t shard = 0; shard < inboxes_.size(); ++shard) {
    if (touched_[shard]) inboxes_[shard]->wake();
    touched_[shard] = false;
  }
}

void BatchWriter::tell_missed() {
  for (chat::ShardInbox* inbox : inboxes_) {
    inbox->missed();
    inbox->wake();
  }
}

void BatchWriter::tell_epoch() {
  tell_missed();
  if (!options_.listener) return;
  auto nothing = std::make_shared<chat::CommittedBatch>();
  nothing->epoch = epoch_;
  options_.listener->committed(nothing);
}

void BatchWriter::count_commit(base::Instant start) {
  commits_.fetch_add(1, std::memory_order_relaxed);
  committed_events_.fetch_add(events_.size(), std::memory_order_relaxed);
  commit_time_.add(static_cast<std::uint64_t>((io::now() - start).count()));
  batch_size_.add(events_.size());
  healthy_.store(true, std::memory_order_relaxed);
}

void BatchWriter::count_failure() {
  failed_commits_.fetch_add(1, std::memory_order_relaxed);
  healthy_.store(false, std::memory_order_relaxed);
}

}  // namespace starling::store
