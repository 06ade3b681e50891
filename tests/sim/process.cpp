#include "process.hpp"

#include <algorithm>
#include <utility>

#include "clock_sim.hpp"
#include "io/clock.hpp"
#include "judge.hpp"
#include "tally.hpp"

namespace starling::sim {

bool Router::submit(chat::Request&& request, chat::Ticket ticket) {
  if (auto* write = std::get_if<chat::WriteRequest>(&request)) {
    return writer->post({std::move(*write), ticket});
  }
  if (auto* read = std::get_if<chat::ReadRequest>(&request)) {
    next_reader_ = (next_reader_ + 1) % readers.size();
    return readers[next_reader_]->post({std::move(*read), ticket});
  }
  return false;  // no passwords here
}

Process::Process(const ProcessOptions& options, Random& random, Network& network, Disk& disk)
    : options_(options), random_(random), network_(network), disk_(disk) {
  disk_.while_syncing = [this] { run_others(); };
}

Process::~Process() {
  network_.set_listening(false);
  disk_.while_syncing = nullptr;
  for (const Core& core : cores_) {
    const shard::ShardMetrics numbers = core.shard->metrics();
    count(Happened::hole_filled, numbers.gaps_filled);
    count(Happened::batch_dropped, numbers.batches_dropped);
    count(Happened::signal_dropped, numbers.signals_dropped);
    count(Happened::call_refused, numbers.calls_refused);
  }
  if (writer_.worker) count(Happened::failed_commit, writer_.worker->metrics().failed_commits);
}

std::string Process::start() {
  store::ArchiveOptions archive_options;
  network_.make_current();
  archive_options.path = database;
  archive_options.sync_full = options_.config.store.sync == "full";
  archive_options.batch_events = options_.config.store.batch_events;
  archive_options.mailbox_items = options_.mailbox_items;
  archive_options.encoder = this;
  auto archive = store::Archive::open(archive_options);
  if (!archive) return archive.error().message;
  archive_ = std::move(*archive);
  constexpr std::uint64_t quotas_seed = 1;  // nobody aims here
  quotas_ = std::make_unique<chat::Quotas>(options_.config, quotas_seed);

  for (unsigned i = 0; i < options_.shards; ++i) {
    if (std::string failure = make_shard(static_cast<std::uint16_t>(i)); !failure.empty()) {
      return failure;
    }
  }
  std::vector<chat::ShardInbox*> inboxes;
  std::vector<shard::Shard*> all;
  for (const Core& core : cores_) {
    inboxes.push_back(core.shard.get());
    all.push_back(core.shard.get());
  }
  for (const Core& core : cores_) core.shard->meet(all);
  auto writer = archive_->make_writer(inboxes);
  if (!writer) return writer.error().message;
  writer_ = {std::move(*writer), newest_wake()};
  router_.writer = writer_.worker.get();
  for (unsigned i = 0; i < options_.readers; ++i) {
    auto reader = archive_->make_reader(inboxes);
    if (!reader) return reader.error().message;
    readers_.push_back({std::move(*reader), newest_wake()});
    router_.readers.push_back(readers_.back().worker.get());
  }
  network_.set_listening(true);
  return {};
}

// The writer encodes after the commit and before it delivers.
void Process::append_frame(const chat::Event& event, std::string& out) const {
  run_others();
  encoder_.append_frame(event, out);
}

// Everybody's memory is the process's: what looks const from here is turned all the same.
void Process::run_others() const {
  auto& self = const_cast<Process&>(*this);
  if (!writing_ || kind_ || std::exchange(self.others_run_, true)) return;
  for (std::uint64_t steps = random_.below(4); steps > 0; --steps) {
    if (random_.flip()) {
      network_.step();
    } else {
      self.step();
    }
  }
  self.others_run_ = false;
}

std::string Process::make_shard(std::uint16_t index) {
  shard::ShardOptions options;
  options.index = index;
  options.config = &options_.config;
  options.quotas = quotas_.get();
  options.memory = &memory_;
  options.measure_memory = [] {};
  options.backend = &router_;
  options.bus = &bus_;
  options.encoder = this;
  options.server_id = "simulated";
  options.epoch = archive_->epoch();
  options.revocations = archive_->revocations(io::wall_clock());
  if (index == 0) options.public_listener = Network::listener;
  options.archive_healthy = [this] { return writer_.worker->metrics().healthy; };
  options.address = "127.0.0.1:8080";
  options.started_at = io::wall_clock();
  options.inbox = options_.inbox;
  auto made = shard::Shard::create(options);
  if (!made) return made.error().message;
  bus_.add(made->get());
  cores_.push_back({std::move(*made), network_.newest_ring()});
  return {};
}

bool Process::runnable(const Core& core) const {
  return io::now() >= core.paused_until && core.ring->runnable();
}

template <typename Worker>
bool Process::runnable(const Loop<Worker>& loop) const {
  if (loop.fiber->busy()) return loop.fiber->ready();
  const WakeState& state = wake_state(loop.wake);
  return io::now() >= loop.paused_until &&
         (!loop.asleep || state.notified || io::now() >= state.until);
}

base::Instant Process::pause_from_now() const {
  if (kind_ || !random_.permille(options_.pause)) return {};
  return io::now() + std::chrono::milliseconds{random_.between(1, options_.longest_pause_ms)};
}

void Process::turn(Core& core) {
  core.ring->begin_turn();
  core.drained = !core.shard->turn(options_.longest_wait);
}

// Or as much of it as there is until it waits.
template <typename Worker>
void Process::turn(Loop<Worker>& loop) {
  if (loop.fiber->busy()) {
    loop.fiber->resume();
  } else {
    loop.fiber->run([this, &loop] { whole_turn(loop); });
  }
}

template <typename Worker>
void Process::whole_turn(Loop<Worker>& loop) {
  WakeState& state = wake_state(loop.wake);
  const bool by_time_alone = std::exchange(loop.asleep, false) && !state.notified;
  // A writer whose last commit failed comes back to it by itself.
  const bool healthy = writer_.worker->metrics().healthy;
  if (loop.worker->turn()) {
    if (by_time_alone && healthy) {
      judge().broken("a wake-up is never lost", "an archive's thread slept over work");
    }
    return;
  }
  state.waiting = false;
  loop.worker->wait(options_.longest_wait);
  loop.asleep = state.waiting;
}

bool Process::step() {
  if (kind_) {
    memory_.measured(0, io::now());
  } else if (options_.strain > 0 && random_.permille(options_.strain)) {
    memory_.measured(random_.below(101), io::now());
  }
  // Parts by number: cores, then the writer, then the readers.
  ready_.clear();
  const int cores = static_cast<int>(cores_.size());
  for (int i = 0; i < cores; ++i) {
    if (runnable(cores_[i])) ready_.push_back(i);
  }
  if (!writing_ && runnable(writer_)) ready_.push_back(cores);
  for (int i = 0; i < static_cast<int>(readers_.size()); ++i) {
    if (runnable(readers_[i])) ready_.push_back(cores + 1 + i);
  }
  if (ready_.empty()) return false;
  const int chosen = ready_[random_.below(ready_.size())];
  if (chosen < cores) {
    turn(cores_[chosen]);
    cores_[chosen].paused_until = pause_from_now();
  } else if (chosen == cores) {
    writing_ = true;
    turn(writer_);
    writing_ = false;
    writer_.paused_until = pause_from_now();
  } else {
    auto& reader = readers_[chosen - cores - 1];
    turn(reader);
    reader.paused_until = pause_from_now();
  }
  return true;
}

std::optional<base::Instant> Process::next_deadline() const {
  std::optional<base::Instant> next;
  const auto consider = [&next](base::Instant paused_until, base::Instant asleep_until) {
    const base::Instant at = paused_until > io::now() ? paused_until : asleep_until;
    if (!next || at < *next) next = at;
  };
  for (const Core& core : cores_) consider(core.paused_until, core.ring->sleeps_until());
  consider(writer_.paused_until, wake_state(writer_.wake).until);
  for (const auto& reader : readers_) consider(reader.paused_until, wake_state(reader.wake).until);
  return next;
}

void Process::drain() {
  for (Core& core : cores_) {
    core.shard->drain();
    core.shard->wake();
  }
}

bool Process::drained() const {
  return std::ranges::all_of(cores_, [](const Core& core) { return core.drained; });
}

std::size_t Process::buffer_bytes() const {
  std::size_t bytes = 0;
  for (const Core& core : cores_) bytes += core.shard->metrics().buffer_bytes;
  return bytes;
}

unsigned Process::buffers_lent() const {
  unsigned lent = 0;
  for (const Core& core : cores_) lent += core.ring->buffers_lent();
  return lent;
}

}  // namespace starling::sim
