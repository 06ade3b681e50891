#include "process.hpp"

#include <algorithm>
#include <utility>

#include "broker_sim.hpp"
#include "clock_sim.hpp"
#include "io/clock.hpp"
#include "judge.hpp"
#include "mysql_sim.hpp"
#include "tally.hpp"

namespace starling::sim {

bool Router::submit(chat::Request&& request, chat::Ticket ticket) {
  if (auto* write = std::get_if<chat::WriteRequest>(&request)) {
    if (!writer->post({std::move(*write), ticket})) return false;
    writes_posted_ = true;
    return true;
  }
  if (auto* read = std::get_if<chat::ReadRequest>(&request)) {
    next_reader_ = (next_reader_ + 1) % readers.size();
    return readers[next_reader_]->post({std::move(*read), ticket});
  }
  return false;  // no passwords here
}

void Router::hand_over() {
  if (std::exchange(writes_posted_, false)) writer->wake();
}

Process::Process(const ProcessOptions& options, std::string id, Random& random, Network& network,
                 Disk& disk)
    : options_(options), id_(std::move(id)), random_(random), network_(network), disk_(disk) {
  disk_.while_syncing = [this] { run_others(); };
}

Process::~Process() {
  each_loop([](auto& loop) { loop.fiber->abandon(); });
  network_.set_listening(false);
  disk_.while_syncing = nullptr;
  for (const Core& core : cores_) {
    const shard::ShardMetrics numbers = core.shard->metrics();
    count(Happened::hole_filled, numbers.gaps_filled);
    count(Happened::doubt, numbers.doubts);
    count(Happened::batch_dropped, numbers.batches_dropped);
    count(Happened::signal_dropped, numbers.signals_dropped);
    count(Happened::call_refused, numbers.calls_refused);
  }
  if (!writer_.worker) return;
  const store::WriterMetrics numbers = writer_.worker->metrics();
  count(Happened::failed_commit, numbers.failed_commits);
  count(Happened::new_epoch, numbers.lost_commits);
  if (numbers.lost_commits != 0 && !MysqlSim::current().keeps_copies)
    judge().broken("no archive is said to have lost something", id_);
}

template <typename Visit>
void Process::each_loop(Visit&& visit) {
  if (writer_.worker) visit(writer_);
  for (auto& reader : readers_) visit(reader);
  if (publisher_.worker) visit(publisher_);
  if (consumer_.worker) visit(consumer_);
}

store::ArchiveOptions Process::archive_options() {
  store::ArchiveOptions options;
  if (options_.server == 0) {
    options.path = database;
  } else {
    options.mysql.emplace();
    options.mysql->host = "server-" + std::to_string(options_.server);
  }
  options.sync_full = options_.config.store.sync == "full";
  options.batch_events = options_.config.store.batch_events;
  options.mailbox_items = options_.mailbox_items;
  options.encoder = this;
  options.listener = publisher_.worker.get();
  return options;
}

std::string Process::start() {
  network_.make_current();
  if (options_.bus) make_publisher();
  auto archive = store::Archive::open(archive_options());
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
  writer_.worker = std::move(*writer);
  writer_.wake = newest_wake();
  router_.writer = writer_.worker.get();
  for (unsigned i = 0; i < options_.readers; ++i) {
    auto reader = archive_->make_reader(inboxes);
    if (!reader) return reader.error().message;
    readers_.push_back({std::move(*reader), newest_wake()});
    router_.readers.push_back(readers_.back().worker.get());
  }
  if (options_.bus) make_consumer(inboxes);
  network_.set_listening(true);
  return {};
}

// As src/server's BusLink.
void Process::make_publisher() {
  bus_options_.address.host = "server-" + std::to_string(options_.server);
  bus_options_.partitions = options_.config.bus.partitions;
  bus_options_.self = {id_, static_cast<std::uint64_t>(io::wall_clock())};
  bus_options_.key = bus::signing_key("the secret of the fleet");
  bus_options_.state = &fleet_;
  auto wake = io::Wake::create();
  publisher_.wake = newest_wake();
  publisher_.worker = std::make_unique<bus::Publisher>(bus_options_, std::move(*wake));
  signals_.set_transport(publisher_.worker.get());
}

void Process::make_consumer(const std::vector<chat::ShardInbox*>& inboxes) {
  auto wake = io::Wake::create();
  consumer_.wake = newest_wake();
  consumer_.worker =
      std::make_unique<bus::Consumer>(bus_options_, std::move(*wake), inboxes, &signals_);
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
  options.bus = &signals_;
  if (options_.server != 0) options.fleet = &fleet_;
  options.encoder = this;
  options.server_id = id_;
  options.epoch = archive_->epoch();
  options.revocations = archive_->revocations(io::wall_clock());
  if (index == 0) options.public_listener = Network::listener;
  options.archive_healthy = [this] { return writer_.worker->metrics().healthy; };
  options.address = "127.0.0.1:" + std::to_string(8080 + options_.server);
  options.started_at = io::wall_clock();
  options.inbox = options_.inbox;
  options.stranger_steps = 1;  // who is in no room waits in every turn
  options.strangers_until = {};
  auto made = shard::Shard::create(options);
  if (!made) return made.error().message;
  signals_.add(made->get());
  cores_.push_back({std::move(*made), network_.newest_ring()});
  return {};
}

bool Process::runnable(const Core& core) const {
  return io::now() >= core.paused_until && core.ring->runnable();
}

template <typename Worker>
bool Process::runnable(const Loop<Worker>& loop) const {
  if (loop.fiber->busy()) return loop.fiber->ready();
  return io::now() >= loop.paused_until &&
         (!loop.asleep || woken(loop) || io::now() >= wake_state(loop.wake).until);
}

// Since it looked for work in vain.
template <typename Worker>
bool Process::woken(const Loop<Worker>& loop) {
  const WakeState& state = wake_state(loop.wake);
  return state.notified || (state.also >= 0 && BrokerSim::current().readable(state.also));
}

base::Instant Process::pause_from_now() const {
  if (kind_ || !random_.permille(options_.pause)) return {};
  return io::now() + std::chrono::milliseconds{random_.between(1, options_.longest_pause_ms)};
}

void Process::turn(Core& core) {
  // Who is in the middle of a turn has brought something, and wakes at its end.
  // Nobody wakes for the bus being there or not; the next poll is then due earlier.
  const bool well = fleet_.all_well();
  bool to_be_woken = std::exchange(core.bus_well, well) != well;
  each_loop([&](const auto& loop) { to_be_woken = to_be_woken || loop.fiber->busy(); });
  core.ring->begin_turn(to_be_woken);
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
  const bool by_time_alone = std::exchange(loop.asleep, false) && !woken(loop);
  // A writer whose last commit failed comes back to it by itself.
  const bool healthy = writer_.worker->metrics().healthy;
  if (loop.worker->turn()) {
    if (by_time_alone && healthy && !woken(loop)) {
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
  // Parts by number: cores, then the writer, the readers, the two of the bus.
  ready_.clear();
  const int cores = static_cast<int>(cores_.size());
  for (int i = 0; i < cores; ++i) {
    if (runnable(cores_[i])) ready_.push_back(i);
  }
  if (!writing_ && runnable(writer_)) ready_.push_back(cores);
  for (int i = 0; i < static_cast<int>(readers_.size()); ++i) {
    if (runnable(readers_[i])) ready_.push_back(cores + 1 + i);
  }
  const int bus = cores + 1 + static_cast<int>(readers_.size());
  if (publisher_.worker && runnable(publisher_)) ready_.push_back(bus);
  if (consumer_.worker && runnable(consumer_)) ready_.push_back(bus + 1);
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
  } else if (chosen < bus) {
    auto& reader = readers_[chosen - cores - 1];
    turn(reader);
    reader.paused_until = pause_from_now();
  } else if (chosen == bus) {
    turn(publisher_);
    publisher_.paused_until = pause_from_now();
  } else {
    turn(consumer_);
    consumer_.paused_until = pause_from_now();
  }
  return true;
}

std::optional<base::Instant> Process::next_deadline() const {
  std::optional<base::Instant> next;
  const auto consider = [&next](base::Instant paused_until, base::Instant asleep_until) {
    const base::Instant at = paused_until > io::now() ? paused_until : asleep_until;
    if (at > io::now() && (!next || at < *next)) next = at;
  };
  for (const Core& core : cores_) consider(core.paused_until, core.ring->sleeps_until());
  const_cast<Process*>(this)->each_loop([&consider](const auto& loop) {
    if (loop.fiber->busy()) return consider({}, loop.fiber->until());
    const WakeState& state = wake_state(loop.wake);
    consider(loop.paused_until, state.until);
    if (state.also < 0) return;
    if (const auto at = BrokerSim::current().next(state.also)) consider(loop.paused_until, *at);
  });
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

void Process::say_farewell() {
  if (publisher_.worker && !publisher_.fiber->busy()) publisher_.worker->say_farewell();
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
