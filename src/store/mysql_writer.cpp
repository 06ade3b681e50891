#include "store/mysql_writer.hpp"

#include <mysqld_error.h>

#include <algorithm>
#include <chrono>
#include <iterator>

#include "base/log.hpp"
#include "io/clock.hpp"

namespace starling::store {
namespace {

using namespace std::chrono_literals;

constexpr unsigned silent_repeats = 3;
constexpr unsigned loss_repeats = 8;  // each takes two tries
constexpr std::size_t id_block = 10'000;
constexpr base::WallMs first_block_distance = 100'000;
constexpr std::size_t max_aside = 16'384;
constexpr std::size_t max_heads = 100'000;
constexpr base::Duration reconnect_pause = 250ms;
// Before the server's wait_timeout of 5 s ends an idle connection.
constexpr base::Duration ping_pause = 1'500ms;
// After the last failure: as long as senders come and fail, there is nothing to try.
constexpr base::Duration trial_pause = 5s;

// A room is waited for 1 s, then those that can go on without it do, and then 2 s at a time: longer
// than a server that stands still keeps its locks.
constexpr const char* wait_short = "SET SESSION innodb_lock_wait_timeout = 1";
constexpr const char* wait_long = "SET SESSION innodb_lock_wait_timeout = 2";

bool makes_event(const chat::WriteRequest& request) {
  return std::holds_alternative<chat::PostMessage>(request) ||
         std::holds_alternative<chat::DeleteMessage>(request);
}

}  // namespace

MysqlWriter::MysqlWriter(std::unique_ptr<MysqlDatabase> database, io::Wake wake,
                         const ArchiveOptions& options, std::uint64_t epoch,
                         std::vector<chat::ShardInbox*> inboxes)
    : BatchWriter(std::move(wake), options, epoch, std::move(inboxes)),
      database_(std::move(database)),
      rows_(*database_),
      numbering_(rows_, epoch),
      last_use_(io::now()) {}

bool MysqlWriter::post(WriteRequestWithTicket&& request) {
  return accepting_.load(std::memory_order_relaxed) && BatchWriter::post(std::move(request));
}

// ---- the connection --------------------------------------------------------------------------

bool MysqlWriter::ready() {
  keep_alive();
  if (!database_->connected() && !connect_if_due()) {
    answer_waiting(not_kept());
    return false;
  }
  if (connected_anew_) look_at_archive();
  if (unsettled_.empty()) {
    try_writing();
    return true;
  }
  for (WriteRequestWithTicket& entry : unsettled_) entry.repeated = true;
  const bool settled = repeat_unsettled();
  accepting_.store(settled, std::memory_order_relaxed);
  return settled;
}

bool MysqlWriter::connect_if_due() {
  if (io::now() < next_connect_) return false;
  begin_waiting();
  const bool connected = database_->reconnect();
  end_waiting();
  if (connected) {
    base::log(base::LogLevel::info, "the archive is back");
    next_trial_ = {};
    connected_anew_ = true;
    tell_missed();
  } else {
    base::log(
        base::LogLevel::warning, "the archive is away",
        {{"error", database_->failure() + std::string{advice_of(database_->failure_code())}}});
    count_failure();
  }
  database_->clear_failure();
  last_use_ = io::now();
  next_connect_ = last_use_ + reconnect_pause;
  return connected;
}

// Outside transactions only: a server that stands still in one is to lose it.
void MysqlWriter::keep_alive() {
  if (!database_->connected() || io::now() < last_use_ + ping_pause) return;
  last_use_ = io::now();
  begin_waiting();
  const bool alive = database_->ping();
  end_waiting();
  if (alive) return;
  database_->disconnect();
  database_->clear_failure();
}

// Who is told that this server cannot write sends it nothing, so that no batch would ever tell that
// it can again. Reserving ids is a commit like any other.
void MysqlWriter::try_writing() {
  if (metrics().healthy || !database_->connected() || io::now() < next_trial_) return;
  next_trial_ = io::now() + trial_pause;
  begin_waiting();
  if (reserve_ids(id_block)) note_healthy();
  end_waiting();
  if (!database_->failed()) return;
  if (database_->cure() == MysqlCure::reconnect) database_->disconnect();
  roll_back();
}

// Always, for a lock that was not given leaves the transaction open. A connection that cannot even
// do that is ended, and its locks with it.
void MysqlWriter::roll_back() {
  database_->clear_failure();
  if (!database_->connected() || database_->run("ROLLBACK")) return;
  database_->disconnect();
  database_->clear_failure();
}

// ---- a transaction ---------------------------------------------------------------------------

MysqlWriter::Outcome MysqlWriter::attempt(Requests requests) {
  std::optional<Outcome> outcome;
  for (unsigned tries = 0; !outcome; ++tries) outcome = try_once(requests, tries);
  // What may have been kept before goes before all others.
  if (outcome == Outcome::aside && !requests.front().repeated) set_aside(requests);
  return *outcome;
}

std::optional<MysqlWriter::Outcome> MysqlWriter::try_once(Requests requests, unsigned tries) {
  const base::Instant start = io::now();
  last_use_ = start;
  events_.clear();
  replies_.clear();
  database_->clear_failure();
  if (!give_ids(requests)) return after_failure(tries);
  rows_.make_rooms(requests);
  database_->run("START TRANSACTION");
  numbering_.begin(io::wall_clock(), requests);
  if (!database_->failed() && !epoch_is_ours()) {
    take_back_ids(requests);
    return std::nullopt;
  }
  if (!database_->failed() && archive_lost_commits()) return raise_epoch(tries);
  for (WriteRequestWithTicket& entry : requests) {
    if (database_->failed()) break;
    replies_.push_back(numbering_.apply(entry, events_));
    const auto* found = std::get_if<chat::UserFound>(&replies_.back());
    if (!found || !std::holds_alternative<chat::CreateUser>(entry.request)) continue;
    entry.made_user = found->user.id;
    entry.made_at = found->user.created_at;
  }
  if (!database_->failed() && numbering_.loss()) {
    tell_loss(*numbering_.loss());
    return raise_epoch(tries);
  }
  if (!database_->failed()) numbering_.finish();
  if (database_->failed()) return after_failure(tries);
  return commit(start);
}

// Before COMMIT: what was done is certainly undone.
std::optional<MysqlWriter::Outcome> MysqlWriter::after_failure(unsigned tries) {
  const int code = database_->failure_code();
  const MysqlCure cure = database_->cure();
  const std::string error = database_->failure();
  roll_back();
  if (code == ER_LOCK_WAIT_TIMEOUT) return Outcome::aside;
  const bool again = tries < silent_repeats;
  if (cure == MysqlCure::repeat && again) return std::nullopt;
  // Two servers may have given a name at once: the second look finds the first one's.
  if (code == ER_DUP_ENTRY && again) return std::nullopt;
  if (cure == MysqlCure::reconnect && tries == 0 && database_->reconnect()) {
    connected_anew_ = true;
    return std::nullopt;
  }
  if (cure == MysqlCure::reconnect) {
    database_->disconnect();
    next_connect_ = io::now() + reconnect_pause;
  }
  database_->clear_failure();
  const bool rejected = cure == MysqlCure::isolate;
  base::log(rejected ? base::LogLevel::error : base::LogLevel::warning,
            "a transaction failed before its commit", {{"error", error}});
  if (!rejected) count_failure();
  next_trial_ = io::now() + trial_pause;
  return rejected ? Outcome::rejected : Outcome::refused;
}

MysqlWriter::Outcome MysqlWriter::commit(base::Instant start) {
  if (database_->run("COMMIT")) {
    accepting_.store(true, std::memory_order_relaxed);  // before anybody hears of it
    remember_heads();
    count_commit(start);
    return Outcome::committed;
  }
  base::log(base::LogLevel::warning, "nobody knows whether a commit was kept: it is repeated",
            {{"error", database_->failure()}});
  count_failure();
  accepting_.store(false, std::memory_order_relaxed);
  database_->disconnect();
  database_->clear_failure();
  next_connect_ = io::now();
  return Outcome::unknown;
}

// ---- ids and the epoch -----------------------------------------------------------------------

bool MysqlWriter::give_ids(Requests requests) {
  const auto wants = [](const WriteRequestWithTicket& entry) {
    return entry.id == 0 && makes_event(entry.request);
  };
  const auto count = static_cast<std::size_t>(std::ranges::count_if(requests, wants));
  if (count > ids_end_ - next_id_ && !reserve_ids(count)) return false;
  for (WriteRequestWithTicket& entry : requests) {
    if (wants(entry)) entry.id = next_id_++;
  }
  return true;
}

// Their block was perhaps lost, and others have it now. What may have been kept under its id keeps
// it: the id tells it from another's.
void MysqlWriter::take_back_ids(Requests requests) {
  for (WriteRequestWithTicket& entry : requests) {
    if (!entry.repeated) entry.id = 0;
  }
}

// By itself, before the transaction: a crash wastes the rest of a block but gives no id twice. That
// a block was reserved may be lost with all that was numbered from it: a first block begins at some
// distance, so that then no other event has the same id at the same place.
bool MysqlWriter::reserve_ids(std::size_t count) {
  const std::string size = std::to_string(std::max(count, id_block));
  std::string from =
      ids_above_all_ ? "GREATEST(value, (SELECT COALESCE(MAX(id), 0) + 1 FROM messages))" : "value";
  if (ids_end_ == 0) from += " + " + std::to_string(io::wall_clock() % first_block_distance);
  database_->run("UPDATE meta SET value = LAST_INSERT_ID(" + from + " + " + size +
                 ") WHERE name = 'next_message_id'");
  const auto end = database_->number("SELECT LAST_INSERT_ID()");
  if (database_->failed() || !end) return false;
  ids_end_ = static_cast<chat::MessageId>(*end);
  next_id_ = ids_end_ - std::max(count, id_block);
  ids_above_all_ = false;
  return true;
}

// ---- commits that are lost -------------------------------------------------------------------

// False: the archive has a new one (it was restored, or lost commits); the batch begins again. An
// older one was lost itself, and is ours until it is raised.
bool MysqlWriter::epoch_is_ours() {
  if (rows_.epoch() <= epoch_) return true;
  base::log(base::LogLevel::warning,
            "the archive has another epoch: it was restored or lost commits",
            {{"epoch", std::to_string(rows_.epoch())}});
  epoch_ = rows_.epoch();
  numbering_.set_epoch(epoch_);
  heads_.clear();
  newest_.reset();
  rows_.forget_rooms();
  next_id_ = ids_end_ = 0;
  ids_above_all_ = true;
  roll_back();
  tell_epoch();
  return false;
}

// Whether something is not there that this writer has committed: the epoch, a block of ids, heads
// of the rooms that are locked now; and after the connection was made again its newest event, for
// commits are lost from the last one backwards.
bool MysqlWriter::archive_lost_commits() {
  std::optional<Numbering::Loss> loss;
  if (rows_.epoch() < epoch_ || rows_.next_id() < ids_end_) loss = Numbering::Loss{};
  for (const auto& [room, state] : rows_.locked_rooms()) {
    const auto known = heads_.find(room);
    if (known == heads_.end()) continue;
    const auto& [head, last_id] = known->second;
    if (state.head > head || (state.head == head && state.last_id == last_id)) continue;
    loss = Numbering::Loss{room, head, last_id, state.last_id, state.head, epoch_};
  }
  if (connected_anew_ && newest_ && !rows_.find_event(newest_->id)) loss = newest_;
  if (database_->failed()) return false;
  connected_anew_ = false;
  if (loss) tell_loss(*loss);
  return loss.has_value();
}

// The database is there again: whether as it was is seen before anybody writes. If it is not, the
// second look meets the new epoch as others do, and tells of it.
void MysqlWriter::look_at_archive() {
  begin_waiting();
  if (finds_loss()) finds_loss();
  end_waiting();
}

bool MysqlWriter::finds_loss() {
  database_->run("START TRANSACTION");
  numbering_.begin(io::wall_clock(), {});
  if (!database_->failed() && epoch_is_ours() && archive_lost_commits()) {
    raise_epoch(0);
    return true;
  }
  roll_back();
  return false;
}

void MysqlWriter::tell_loss(const Numbering::Loss& loss) {
  base::log(base::LogLevel::error, "the archive lost commits that were seen: it gets a new epoch",
            {{"room", loss.room},
             {"seq", std::to_string(loss.seq)},
             {"id", std::to_string(loss.id)},
             {"other_id", std::to_string(loss.other)},
             {"head", std::to_string(loss.head)}});
  lost_epoch_ = std::max(epoch_, loss.epoch);
}

// By compare-and-set on the epoch that was read: of all who notice, one raises it. Then the batch
// begins again, and finds the new one.
std::optional<MysqlWriter::Outcome> MysqlWriter::raise_epoch(unsigned tries) {
  const std::uint64_t seen = rows_.epoch();
  roll_back();
  const auto next = std::max(static_cast<std::uint64_t>(io::wall_clock()), lost_epoch_ + 1);
  database_->run("UPDATE meta SET value = " + std::to_string(next) +
                 " WHERE name = 'epoch' AND value = " + std::to_string(seen));
  if (database_->failed()) return after_failure(tries);
  if (database_->changed_rows() > 0) count_loss();
  if (tries < loss_repeats) return std::nullopt;
  count_failure();  // it cannot be raised, or is lost again and again
  return Outcome::refused;
}

void MysqlWriter::remember_heads() {
  if (!events_.empty()) {
    const chat::Event& newest = events_.back();
    newest_ = Numbering::Loss{newest.room, newest.seq, newest.id, 0, 0, epoch_};
  }
  if (heads_.size() > max_heads) heads_.clear();
  for (const auto& [room, state] : numbering_.rooms()) {
    if (state.head != 0) heads_[room] = {state.head, state.last_id};
  }
}

// ---- rooms that others hold ------------------------------------------------------------------

// Whoever comes later into a room that waits, waits behind it.
void MysqlWriter::look_over(std::vector<WriteRequestWithTicket>& batch) {
  if (aside_.empty()) return;
  std::vector<WriteRequestWithTicket> rest;
  for (WriteRequestWithTicket& entry : batch) {
    const std::vector<std::string> rooms = rooms_of(entry.request);
    const bool waits = std::ranges::any_of(
        rooms, [this](const std::string& room) { return rooms_aside_.contains(room); });
    (waits ? aside_ : rest).push_back(std::move(entry));
  }
  batch = std::move(rest);
  if (aside_.size() <= max_aside) return;
  const Requests too_many = Requests{aside_}.subspan(max_aside);
  answer_all(too_many, not_kept());
  aside_.resize(max_aside);
}

void MysqlWriter::set_aside(Requests requests) {
  if (trying_aside_) {  // they go on waiting
    std::ranges::move(requests, std::back_inserter(aside_));
    return;
  }
  std::vector<WriteRequestWithTicket> free{std::make_move_iterator(requests.begin()),
                                           std::make_move_iterator(requests.end())};
  std::vector<WriteRequestWithTicket> waiting = take_held(free);
  // None is held any more, or it was another lock: they all come again, by themselves.
  if (waiting.empty()) std::swap(waiting, free);
  std::ranges::move(waiting, std::back_inserter(aside_));
  if (!free.empty()) process(free);
}

std::vector<WriteRequestWithTicket> MysqlWriter::take_held(
    std::vector<WriteRequestWithTicket>& requests) {
  database_->run("START TRANSACTION");
  const std::set<std::string> held =
      rows_.rooms_held_by_others(rows_.rooms_of_all(Requests{requests}));
  roll_back();
  std::vector<WriteRequestWithTicket> free;
  std::vector<WriteRequestWithTicket> waiting;
  for (WriteRequestWithTicket& entry : requests) {
    const std::set<std::string> rooms = rows_.rooms_of_all(Requests{&entry, 1});
    const bool waits = std::ranges::any_of(
        rooms, [&held](const std::string& room) { return held.contains(room); });
    (waits ? waiting : free).push_back(std::move(entry));
  }
  database_->clear_failure();
  requests = std::move(free);
  rooms_aside_.insert(held.begin(), held.end());
  return waiting;
}

bool MysqlWriter::after_turn() {
  if (aside_.empty() || !database_->connected()) return false;
  std::vector<WriteRequestWithTicket> free = std::exchange(aside_, {});
  // What has become free does not wait for what has not.
  std::vector<WriteRequestWithTicket> waiting = take_held(free);
  trying_aside_ = true;
  if (!free.empty()) process(free);
  if (database_->connected()) database_->run(wait_long);
  if (!waiting.empty()) process(waiting);
  trying_aside_ = false;
  if (database_->connected()) database_->run(wait_short);
  database_->clear_failure();
  if (aside_.empty()) {
    aside_tries_ = 0;
  } else if (++aside_tries_ == silent_repeats) {
    base::log(base::LogLevel::warning, "a room stays locked by another server: senders are told",
              {{"rooms", std::to_string(rooms_aside_.size())}});
    answer_all(aside_, not_kept());
    aside_.clear();
    aside_tries_ = 0;
  }
  if (aside_.empty()) rooms_aside_.clear();
  wake_shards();
  return true;
}

}  // namespace starling::store
