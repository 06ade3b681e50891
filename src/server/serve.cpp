// Beginning: data folder → token keys → archive → listeners → shards (each on its thread) → writer,
// readers, hasher → serving. End, at the first SIGTERM or SIGINT: the shards drain, then the writer
// commits what is left, then all threads end. At the second signal the process is gone at once:
// nothing acknowledged is lost by that either.
#include "server/serve.hpp"

#include <sodium.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/ws_protocol.hpp"
#include "base/check.hpp"
#include "base/log.hpp"
#include "bus/fleet_signals.hpp"
#include "chat/quotas.hpp"
#include "io/clock.hpp"
#include "io/wake.hpp"
#include "net/listener.hpp"
#include "server/admin.hpp"
#include "server/archive_options.hpp"
#include "server/bus_link.hpp"
#include "server/crew.hpp"
#include "server/exit_code.hpp"
#include "server/fleet_watch.hpp"
#include "server/hasher.hpp"
#include "server/keeper.hpp"
#include "server/listeners.hpp"
#include "server/loop.hpp"
#include "server/memory_watch.hpp"
#include "server/metrics.hpp"
#include "server/notify.hpp"
#include "server/reload.hpp"
#include "server/secret.hpp"
#include "server/settings.hpp"
#include "server/sodium.hpp"
#include "server/status.hpp"
#include "server/web_client.hpp"
#include "shard/shard.hpp"
#include "starling/version.hpp"
#include "store/archive.hpp"
#include "store/schema.hpp"

namespace starling::server {
namespace {

int fail(int code, const std::string& message) {
  std::fprintf(stderr, "starling: %s\n", message.c_str());
  return code;
}

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

// The kernel's time begins earlier, when the peer takes no more and not when its socket is full.
// Where both pass, a send that is stuck in a shard goes first, in good order.
base::Duration untaken_time(const Config& config) {
  return std::chrono::milliseconds{config.limits.send_timeout_ms} + std::chrono::seconds{5};
}

// Sockets cost descriptors: as many as the system allows.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);  // refused: the limit stays what it is
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string random_server_id() {
  unsigned char bytes[8];
  randombytes_buf(bytes, sizeof bytes);
  char hex[2 * sizeof bytes + 1];
  sodium_bin2hex(hex, sizeof hex, bytes, sizeof bytes);
  return hex;
}

// Sends a shard's requests to the threads that do them. One for each shard.
class Router final : public chat::Backend {
 public:
  bool submit(chat::Request&& request, chat::Ticket ticket) override {
    if (auto* write = std::get_if<chat::WriteRequest>(&request)) {
      if (!writer->post({std::move(*write), ticket})) return false;
      writes_posted_ = true;
      return true;
    }
    if (auto* read = std::get_if<chat::ReadRequest>(&request)) {
      next_reader_ = (next_reader_ + 1) % readers.size();
      return readers[next_reader_]->post({std::move(*read), ticket});
    }
    return hasher->post(std::move(std::get<chat::HashRequest>(request)), ticket);
  }

  // The writer is woken once for all writes of a turn: they become one commit.
  void hand_over() override {
    if (std::exchange(writes_posted_, false)) writer->wake();
  }

  store::Writer* writer = nullptr;
  std::vector<store::Reader*> readers;
  Hasher* hasher = nullptr;

 private:
  std::size_t next_reader_ = 0;
  bool writes_posted_ = false;
};

class Server final : private Kept {
 public:
  Server(const Config& config, const GatherSettings& gather, Notifier& notifier)
      : config_(config), gather_(gather), notifier_(notifier) {}

  // 0, or the exit code after the failure was said.
  int start();
  int run_until_stopped();

 private:
  void watch_threads(Vitals& vitals, base::Instant now) override;
  std::string status(base::Instant since) override;
  void note_stalled(std::size_t threads) override { stalled_threads_ = threads; }
  ControlAnswer report(bool as_json, bool draining) override;
  ControlAnswer reload() override;
  void reread_revocations() override {
    for (shard::Shard* shard : crew_.shards()) shard->reread_revocations();
  }
  void drain() override {
    draining_ = true;
    crew_.drain();
  }
  bool drained() const override { return crew_.drained(); }
  base::Duration drain_deadline() const override {
    return std::chrono::milliseconds{config_.server.drain_deadline_ms};
  }

  int start_bus();
  int start_archive();
  int start_shards();
  int start_workers();
  int start_admin();
  void say_what_runs() const;
  std::string metrics();
  void stop();

  Config config_;  // as it is now; shards have copies of their own
  const GatherSettings& gather_;
  Notifier& notifier_;
  const GivenSockets given_ = take_given_sockets();
  int signals_ = -1;
  std::atomic<std::size_t> stalled_threads_{0};
  std::atomic<bool> draining_{false};
  std::atomic<bool> last_reload_successful_{true};
  std::uint64_t messages_told_ = 0;  // of the last status
  std::uint64_t messages_per_second_ = 0;
  std::optional<store::DataFolder> folder_;
  std::optional<api::TokenKeys> keys_;
  std::unique_ptr<chat::Quotas> quotas_;
  chat::MemoryLadder memory_{memory_ceiling(config_)};
  std::optional<MemoryWatch> memory_watch_;
  std::unique_ptr<store::Archive> archive_;
  std::optional<net::Listener> public_listener_;
  std::optional<net::Listener> admin_listener_;
  api::FrameEncoder encoder_;
  bus::FleetSignals bus_;
  FleetWatch others_;
  base::WallMs started_at_ = 0;
  std::vector<std::unique_ptr<Router>> routers_;  // by shard
  std::string address_;
  std::string server_id_;
  std::unique_ptr<BusLink> link_;  // nullptr: no bus
  chat::FleetState no_bus_;        // on a shared archive without one: all is found by polling

  // Shards end before what they ask, and are asked by it until then.
  std::unique_ptr<store::Writer> writer_;
  std::vector<std::unique_ptr<store::Reader>> readers_;
  std::unique_ptr<Hasher> hasher_;
  std::unique_ptr<Loop<store::Writer>> writer_loop_;
  std::vector<std::unique_ptr<Loop<store::Reader>>> reader_loops_;
  std::unique_ptr<Loop<Hasher>> hasher_loop_;
  Crew crew_;
  std::unique_ptr<Admin> admin_;  // asks all of the above
};

int Server::start() {
  give_back_large_blocks();
  start_sodium();
  raise_descriptor_limit();
  const sigset_t signals = stop_signals();
  ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);  // before any thread
  std::signal(SIGPIPE, SIG_IGN);
  signals_ = ::signalfd(-1, &signals, SFD_CLOEXEC);
  if (signals_ < 0) return fail(exit_os, std::string{"signalfd: "} + std::strerror(errno));

  base::LogLevel level = base::LogLevel::info;
  CHECK(base::parse_log_level(config_.log.level, level));  // settings allow no other
  base::start_logging(level);

  base::Result<io::Wake> measure = io::Wake::create();
  if (!measure) return fail(exit_os, measure.error().message);
  memory_watch_.emplace(memory_, std::move(*measure));
  base::Result<store::DataFolder> folder = store::DataFolder::lock(config_.server.data_dir);
  if (!folder) return fail(exit_unavailable, folder.error().message);
  folder_ = std::move(*folder);
  base::Result<api::TokenKeys> keys = load_token_keys(config_);
  if (!keys) return fail(exit_config, keys.error().message);
  keys_ = std::move(*keys);
  std::uint64_t seed = 0;
  randombytes_buf(&seed, sizeof seed);
  quotas_ = std::make_unique<chat::Quotas>(config_, seed);

  base::Result<net::Listener> listener = public_listener(config_, given_);
  if (!listener) return fail(exit_unavailable, listener.error().message);
  public_listener_ = std::move(*listener);
  public_listener_->give_up_untaken(untaken_time(config_));
  if (config_.auth.mode == AuthMode::open && !config_.auth.open_beyond_loopback &&
      !is_loopback(public_listener_->host())) {
    return fail(exit_config,
                "auth.mode = open is refused beyond loopback, and the service manager "
                "listens on " +
                    public_listener_->host());
  }
  base::Result<net::Listener> admin = admin_listener(config_, given_);
  if (!admin) return fail(exit_unavailable, admin.error().message);
  admin_listener_ = std::move(*admin);
  address_ = address_text(public_listener_->host(), public_listener_->port());

  server_id_ = random_server_id();
  for (const auto step : {&Server::start_bus, &Server::start_archive, &Server::start_shards,
                          &Server::start_workers, &Server::start_admin}) {
    if (const int code = (this->*step)(); code != exit_ok) return code;
  }
  crew_.run();
  return exit_ok;
}

// Before the archive: its writer tells the bus.
int Server::start_bus() {
  if (config_.bus.url.empty()) return exit_ok;
  const bus::Origin self{server_id_, static_cast<std::uint64_t>(io::wall_clock())};
  base::Result<std::unique_ptr<BusLink>> link = BusLink::make(config_, self);
  if (!link) return fail(exit_config, link.error().message);
  link_ = std::move(*link);
  bus_.set_transport(&link_->publisher());
  return exit_ok;
}

int Server::start_archive() {
  base::Result<store::ArchiveOptions> options = archive_options(config_);
  if (!options) return fail(exit_config, options.error().message);
  options->encoder = &encoder_;
  if (link_) options->listener = &link_->publisher();
  if (options->mysql) {
    const base::Result<store::SchemaStatus> schema = store::mysql_schema(*options->mysql);
    if (!schema) return fail(exit_unavailable, schema.error().message);
    if (schema->pending() != 0) {
      return fail(exit_config,
                  "the database is not migrated; with the same settings, run: starling migrate up");
    }
  }
  base::Result<std::unique_ptr<store::Archive>> archive = store::Archive::open(*options);
  if (!archive) return fail(exit_unavailable, archive.error().message);
  archive_ = std::move(*archive);
  return exit_ok;
}

int Server::start_shards() {
  shard::ShardOptions options;
  options.config = &config_;
  options.keys = &*keys_;
  options.pages = web_client_pages();
  options.quotas = quotas_.get();
  options.memory = &memory_;
  options.measure_memory = [this] { memory_watch_->ask(); };
  options.bus = &bus_;
  options.encoder = &encoder_;
  options.server_id = server_id_;
  if (config_.store.url.starts_with("mysql:")) options.fleet = link_ ? &link_->state() : &no_bus_;
  options.epoch = archive_->epoch();
  options.revocations = archive_->revocations(io::wall_clock());
  options.archive_healthy = [this] { return writer_->metrics().healthy; };
  options.stalled_threads = [this] { return stalled_threads_.load(); };
  options.address = address_;
  options.started_at = started_at_ = io::wall_clock();

  const unsigned count = config_.server.threads != 0
                             ? config_.server.threads
                             : usable_cores(shard::ShardOptions::max_shards);
  std::vector<shard::ShardOptions> all(count, options);
  for (unsigned index = 0; index < count; ++index) {
    all[index].index = static_cast<std::uint16_t>(index);
    all[index].backend = routers_.emplace_back(std::make_unique<Router>()).get();
  }
  all.front().public_listener = public_listener_->descriptor();
  const base::Result<void> started = crew_.start(std::move(all), config_.server.pin);
  if (!started) return fail(exit_os, started.error().message);
  for (shard::Shard* shard : crew_.shards()) bus_.add(shard);
  bus_.add(&others_);  // behind the shards, which have their numbers
  return exit_ok;
}

int Server::start_workers() {
  const std::vector<chat::ShardInbox*> inboxes{crew_.shards().begin(), crew_.shards().end()};
  base::Result<std::unique_ptr<store::Writer>> writer = archive_->make_writer(inboxes);
  if (!writer) return fail(exit_unavailable, writer.error().message);
  writer_ = std::move(*writer);
  for (unsigned i = 0; i < config_.store.readers; ++i) {
    base::Result<std::unique_ptr<store::Reader>> reader = archive_->make_reader(inboxes);
    if (!reader) return fail(exit_unavailable, reader.error().message);
    readers_.push_back(std::move(*reader));
  }
  base::Result<io::Wake> wake = io::Wake::create();
  if (!wake) return fail(exit_os, wake.error().message);
  hasher_ = std::make_unique<Hasher>(std::move(*wake), inboxes);
  for (const auto& router : routers_) {
    router->writer = writer_.get();
    router->hasher = hasher_.get();
    for (const auto& reader : readers_) router->readers.push_back(reader.get());
  }

  writer_loop_ = std::make_unique<Loop<store::Writer>>(*writer_, "writer");
  for (const auto& reader : readers_) {
    reader_loops_.push_back(std::make_unique<Loop<store::Reader>>(
        *reader, "reader-" + std::to_string(reader_loops_.size())));
  }
  hasher_loop_ = std::make_unique<Loop<Hasher>>(*hasher_, "hasher");
  if (link_) {
    const base::Result<void> linked = link_->start(inboxes, &bus_);
    if (!linked) return fail(exit_os, linked.error().message);
  }
  return exit_ok;
}

// Last: it asks the others.
int Server::start_admin() {
  base::Result<std::unique_ptr<Admin>> admin =
      Admin::start(admin_listener_->descriptor(),
                   {.metrics_text = [this] { return metrics(); },
                    .readiness = [this]() -> api::Readiness {
                      return {writer_->metrics().healthy, stalled_threads_, draining_};
                    }});
  if (!admin) return fail(exit_os, admin.error().message);
  admin_ = std::move(*admin);
  return exit_ok;
}

void Server::say_what_runs() const {
  base::log(
      base::LogLevel::info, "serving",
      {{"url", "http://" + address_},
       {"version", starling::version},
       {"auth", config_.auth.mode == AuthMode::token ? "token" : "open"},
       {"data", config_.server.data_dir},
       {"shards", std::to_string(crew_.shards().size())},
       {"metrics",
        "http://" + address_text(admin_listener_->host(), admin_listener_->port()) + "/metrics"}});
  if (config_.auth.mode == AuthMode::open) {
    base::log(base::LogLevel::warning,
              "OPEN MODE: every client is believed to be whoever it says it is, and may delete "
              "what others wrote; use auth.mode = token where people do not all trust each other");
  }
  if (config_.test.echo) {
    base::log(base::LogLevel::warning,
              "TEST ECHO: /echo sends everything back, to anybody; not for production");
  }
}

std::string Server::metrics() {
  ServerMetrics now{crew_.metrics(), *quotas_, memory_, writer_->metrics(), writer_->backlog()};
  if (link_) {
    now.bus = {link_->publisher_metrics(), link_->consumer_metrics(), bus_.refused(),
               link_->state().bus_up()};
  }
  now.dropped_log_lines = base::dropped_log_lines();
  now.stalled_threads = stalled_threads_;
  now.last_reload_successful = last_reload_successful_;
  return metrics_text(now);
}

// The shards, and what the life of a message goes through.
void Server::watch_threads(Vitals& vitals, base::Instant now) {
  for (std::size_t shard = 0; shard < crew_.shards().size(); ++shard) {
    vitals.watch("shard-" + std::to_string(shard), crew_.turns(shard), now);
  }
  vitals.watch("writer", writer_loop_->turns(), now);
}

std::string Server::status(base::Instant since) {
  const std::vector<shard::ShardMetrics> shards = crew_.metrics();
  std::uint64_t connections = 0;
  std::uint64_t delivered = 0;
  for (const shard::ShardMetrics& shard : shards) {
    connections += shard.connections;
    delivered += shard.messages_delivered;
  }
  const std::uint64_t fresh = delivered - std::exchange(messages_told_, delivered);
  const std::chrono::duration<double> passed = io::now() - since;
  const double rate = passed.count() > 0 ? static_cast<double>(fresh) / passed.count() : 0;
  messages_per_second_ = static_cast<std::uint64_t>(rate);
  others_.look(io::now(), link_ && link_->state().bus_up());
  std::string line = writer_->metrics().healthy ? "" : "the archive cannot keep anything now; ";
  if (link_ && !link_->state().bus_up()) line += "the bus is away; ";
  return line + "Serving " + std::to_string(connections) + " connections, " +
         std::to_string(messages_per_second_) + " messages/s delivered";
}

ControlAnswer Server::report(bool as_json, bool draining) {
  api::FleetEntry self{server_id_, address_, starling::version,         started_at_, 0, 0,
                       true,       "none",   writer_->metrics().healthy};
  const std::vector<shard::ShardMetrics> shards = crew_.metrics();
  for (const shard::ShardMetrics& shard : shards) self.connections += shard.connections;
  self.rooms = shards.front().server_rooms;
  if (link_) self.bus = link_->state().bus_up() ? "ok" : "away";
  const std::size_t stalled = stalled_threads_;
  const bool well = self.archive && self.bus != "away" && stalled == 0 && !draining;
  std::vector<api::FleetEntry> servers = others_.servers();
  servers.insert(servers.begin(), std::move(self));
  return {well ? exit_ok : exit_temporary,
          as_json ? api::fleet_json(servers)
                  : status_text(servers, {messages_per_second_, stalled, draining,
                                          config_.store.url.starts_with("mysql:")})};
}

ControlAnswer Server::reload() {
  const Settings wanted = gather_();
  Reload merged = server::reload(config_, wanted.config());
  Settings together{merged.config};
  together.check();
  // What is wrong by itself, or beside what only a restart changes.
  const std::vector<Problem>& problems =
      wanted.problems().empty() ? together.problems() : wanted.problems();
  last_reload_successful_ = problems.empty();
  if (!problems.empty()) {
    std::string text = "kept the settings as they were:\n";
    for (const Problem& problem : problems) {
      text += to_string(problem) + "\n";
      base::log(base::LogLevel::error, "settings not reloaded",
                {{"where", problem.at.where}, {"error", problem.what}});
    }
    return {exit_config, text};
  }
  config_ = merged.config;
  base::LogLevel level = base::LogLevel::info;
  CHECK(base::parse_log_level(config_.log.level, level));  // settings allow no other
  base::set_log_level(level);
  public_listener_->give_up_untaken(untaken_time(config_));
  quotas_->reconfigure(config_);
  for (shard::Shard* shard : crew_.shards()) shard->reconfigure(config_);

  const std::string changed = joined(merged.changed);
  const std::string deferred = joined(merged.deferred);
  base::log(base::LogLevel::info, "settings reloaded", {{"changed", changed}});
  std::string text = "reloaded; changed: " + (changed.empty() ? "nothing" : changed);
  if (!deferred.empty()) {
    base::log(base::LogLevel::warning, "changed settings wait for a restart", {{"keys", deferred}});
    text += "\nwaiting for a restart: " + deferred;
  }
  return {exit_ok, text};
}

int Server::run_until_stopped() {
  Keeper keeper{*this, notifier_, *memory_watch_, signals_};
  const base::Result<void> control = keeper.open_control(config_.server.data_dir);
  if (!control) return fail(exit_unavailable, control.error().message);
  say_what_runs();
  notifier_.ready();
  keeper.run();
  stop();
  return exit_ok;
}

void Server::stop() {
  crew_.stop();
  hasher_loop_.reset();
  reader_loops_.clear();
  writer_loop_.reset();  // commits what is left in its mailbox
  admin_.reset();        // whoever asks is told until here that it drains
  if (link_) link_->stop();
  readers_.clear();
  writer_.reset();
  archive_.reset();
  base::log(base::LogLevel::info, "stopped");
}

}  // namespace

int serve(const Settings& settings, const GatherSettings& gather) {
  int code;
  {
    Notifier notifier;
    Server server{settings.config(), gather, notifier};
    code = server.start();
    if (code == exit_ok) code = server.run_until_stopped();
  }
  if (!base::stop_logging()) ::_exit(code);  // the last of the threads
  return code;
}

}  // namespace starling::server
