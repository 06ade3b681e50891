#include "world.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "base/check.hpp"
#include "clock_sim.hpp"
#include "io/clock.hpp"
#include "tally.hpp"

namespace starling::sim {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr base::WallMs start_of_time = 1'700'000'000'000;
constexpr base::Duration settling_time =
    seconds{90};  // longer than all time-outs one after another
constexpr unsigned max_users = 8;

std::string user_name(chat::UserId user) { return "user" + std::to_string(user); }

// Hears of nothing: for the writer that makes the users.
class NoInbox final : public chat::ShardInbox {
 public:
  void reply(chat::TicketedReply&&) override {}
  bool committed(const chat::CommittedBatchRef&) override { return false; }
  bool committed_elsewhere(const chat::CommittedBatchRef&) override { return false; }
  void missed() override {}
  void wake() override {}
};

std::uint64_t begin_run(Judge& judge, std::uint64_t seed) {
  set_judge(&judge);
  reset_clock(start_of_time);
  return seed;
}

}  // namespace

World::World(std::uint64_t seed, const Wishes& wishes, bool verbose)
    : World(
          seed, [&wishes](Random& random) { return make_plan(random, wishes); }, verbose) {}

World::World(std::uint64_t seed, const Plan& plan, bool verbose)
    : World(
          seed, [&plan](Random&) { return plan; }, verbose) {}

World::World(std::uint64_t seed, const Planner& planner, bool verbose)
    : random_(seed),
      judge_(verbose),
      plan_((begin_run(judge_, seed), planner(random_))),
      disk_(random_),
      balancer_(random_) {
  if (plan_.servers != 0) {
    database_ = std::make_unique<MysqlSim>(random_);
    broker_ = std::make_unique<BrokerSim>(random_);
  }
  for (unsigned i = 1; i <= std::max(1u, plan_.servers); ++i) {
    servers_.push_back(std::make_unique<Server>(i, plan_.process, plan_.network, random_, disk_,
                                                ledger_, database_.get()));
  }
  for (const auto& server : servers_) balancer_.add(server->network());
  for (const Habits& habits : plan_.clients) {
    clients_.push_back(std::make_unique<Client>(static_cast<unsigned>(clients_.size() + 1), habits,
                                                random_, balancer_, ledger_));
  }
  for (unsigned i = 1; i <= plan_.rest_clients; ++i) {
    const Habits& like = plan_.clients.front();
    rest_clients_.push_back(std::make_unique<RestClient>(i, like.user, like.rooms, like.pace_ms,
                                                         random_, balancer_, ledger_));
  }
}

World::~World() {
  disk_.crash();  // whatever is still there reaches the disk no more
}

Verdict World::run() {
  make_users();
  began_ = io::now();
  disk_.faults = plan_.disk;
  arm(plan_.fault, plan_.fault_at);
  if (database_) database_->faults = plan_.database;
  if (database_) database_->keeps_copies = plan_.goes_back;
  if (broker_) broker_->faults = plan_.bus;
  go_wrong();
  if (!judge_.failed()) settle();
  if (!judge_.failed()) let_go();
  Verdict verdict{judge_.rule(), judge_.details(), judge_.trace_hash(), {}};
  if (judge_.failed()) verdict.story = story();
  return verdict;
}

void World::make_users() {
  NoInbox nobody;
  store::ArchiveOptions options;
  options.path = Process::database;
  if (database_) options.mysql.emplace().host = "server-0";
  auto archive = store::Archive::open(options);
  CHECK(archive);
  auto writer = (*archive)->make_writer({&nobody});
  CHECK(writer);
  for (chat::UserId user = 1; user <= max_users; ++user) {
    CHECK((*writer)->post({chat::CreateUser{user_name(user), {}, {}}, {0, {}}}));
  }
  CHECK((*writer)->turn());
}

void World::audit() { database_ ? ledger_.audit(*database_) : ledger_.audit(disk_); }

// ---- fate ------------------------------------------------------------------------------------

void World::happen(const Event& event) {
  constexpr std::array names{"kill",     "kill in I/O",   "power loss",    "power loss in I/O",
                             "drain",    "full disk",     "bad syncs",     "clock jump",
                             "freeze",   "database dies", "database full", "database cut off",
                             "bus dies", "bus blocked",   "bus cut off",   "database goes back"};
  judge_.heard("fate", names[static_cast<std::size_t>(event.what)]);
  using What = Event::What;
  Server& server = *servers_.at(event.server - 1);
  switch (event.what) {
    case What::kill:
    case What::power_loss:
      if (server.runs()) server.stop(event.what == What::power_loss);
      return;
    case What::kill_in_io:
    case What::power_loss_in_io:
      if (database_) return server.strike_in_transaction({});
      server.power_goes_too(event.what == What::power_loss_in_io);
      disk_.crash_after(static_cast<unsigned>(random_.between(1, 30)));
      return;
    case What::drain:
      server.drain();
      return;
    case What::freeze:
      if (random_.flip()) {
        server.freeze(milliseconds{random_.between(100, 15'000)});
      } else {
        server.strike_in_transaction(milliseconds{random_.between(100, 15'000)});
      }
      return;
    default:
      return happen_to_all(event);
  }
}

void World::happen_to_all(const Event& event) {
  using What = Event::What;
  const auto for_a_while = [this](unsigned most_ms) {
    return io::now() + milliseconds{random_.between(10, most_ms)};
  };
  switch (event.what) {
    case What::full_disk:
      disk_.full_until = for_a_while(3'000);
      return;
    case What::bad_syncs:
      disk_.syncs_fail_until = for_a_while(3'000);
      return;
    case What::clock_jump:
      jump_wall_clock(static_cast<base::WallMs>(random_.below(7'200'000)) - 3'600'000);
      return;
    case What::database_dies:
      database_->lose_all_sessions();
      if (random_.flip()) database_->away_until = for_a_while(6'000);
      return;
    case What::database_back:
      database_->go_back();
      return ledger_.went_back(*database_);
    case What::database_full:
      database_->full_until = for_a_while(3'000);
      return;
    case What::database_cut:
      return database_->cut_off(event.server, for_a_while(15'000));
    case What::bus_dies:
      broker_->lose_all_connections();
      if (random_.flip()) broker_->away_until = for_a_while(6'000);
      return;
    case What::bus_blocked:
      broker_->blocked_until = for_a_while(6'000);
      return;
    case What::bus_cut:
      return broker_->cut_off(event.server, for_a_while(15'000));
    default:
      return;
  }
}

// ---- time ------------------------------------------------------------------------------------

void World::step() {
  if (database_) database_->look_after();
  for (const auto& server : servers_) server->look_after();
  for (const auto& client : clients_) {
    if (client->next_at() <= io::now()) client->act();
  }
  for (const auto& client : rest_clients_) {
    if (client->next_at() <= io::now()) client->act();
  }
  const bool network_first = random_.permille(plan_.network_weight);
  if (some_server_moves(network_first)) {
    advance_clock(microseconds{random_.below(plan_.step_us)});
  } else {
    pass_time();
  }
}

bool World::some_server_moves(bool network_first) {
  const std::size_t count = servers_.size();
  const std::size_t first = count == 1 ? 0 : random_.below(count);
  for (std::size_t i = 0; i < count; ++i) {
    if (servers_[(first + i) % count]->step(network_first)) return true;
  }
  return false;
}

// Nothing can happen now: on to when something can.
void World::pass_time() {
  base::Instant next = io::now() + seconds{1};
  const auto consider = [&next](std::optional<base::Instant> at) {
    if (at && *at > io::now()) next = std::min(next, *at);
  };
  for (const auto& server : servers_) consider(server->next());
  for (const auto& client : clients_) {
    consider(client->next_at());
    consider(client->lazy_until());
  }
  for (const auto& client : rest_clients_) consider(client->next_at());
  if (next_event_ < plan_.events.size()) consider(began_ + plan_.events[next_event_].at);
  set_now(next);
}

void World::go_wrong() {
  while (io::now() < began_ + plan_.chaos && !judge_.failed()) {
    while (next_event_ < plan_.events.size() &&
           began_ + plan_.events[next_event_].at <= io::now()) {
      happen(plan_.events[next_event_++]);
    }
    step();
  }
}

// ---- the end ---------------------------------------------------------------------------------

std::string World::unsettled() const {
  for (const auto& client : clients_) {
    if (std::string why = client->unsettled(); !why.empty()) return why;
  }
  for (const auto& client : rest_clients_) {
    if (std::string why = client->unsettled(); !why.empty()) return why;
  }
  return {};
}

bool World::all_run() const {
  return std::ranges::all_of(servers_, [](const auto& server) { return server->runs(); });
}
bool World::any_runs() const {
  return std::ranges::any_of(servers_, [](const auto& server) { return server->runs(); });
}

void World::settle() {
  judge_.heard("fate", "all is kind from here on");
  disk_.heal();
  disarm();
  if (database_) database_->heal();
  if (broker_) broker_->heal();
  for (const auto& server : servers_) server->heal();
  for (const auto& client : clients_) client->calm();
  for (const auto& client : rest_clients_) client->calm();
  const base::Instant deadline = io::now() + settling_time;
  base::Instant look_again{};
  std::string why = "nothing yet";
  while (!why.empty() && !judge_.failed()) {
    if (io::now() >= look_again) {  // looking costs an audit
      why = all_run() ? (audit(), unsettled()) : "a server does not start";
      look_again = io::now() + seconds{1};
      if (!why.empty() && io::now() > deadline) {
        judge_.broken("everything that was asked for comes in the end", why);
      }
    }
    step();
  }
  if (!judge_.failed()) check_quiet();
}

// Some time later nothing is kept and everybody knows who is there.
void World::check_quiet() {
  base::Instant until =
      io::now() + milliseconds{plan_.process.config.presence.grace_ms} + seconds{8};
  // Whom a server had that was killed, others know for some time.
  if (database_) until += seconds{20};
  // A ping that is under way just now is no leak: the least of several seconds counts.
  std::size_t least = ~std::size_t{0};
  unsigned lent = ~0u;
  while (io::now() < until && !judge_.failed()) {
    step();
    std::size_t bytes = 0;
    unsigned buffers = 0;
    for (const auto& server : servers_) {
      bytes += server->process().buffer_bytes();
      buffers += server->process().buffers_lent();
    }
    least = std::min(least, bytes);
    lent = std::min(lent, buffers);
  }
  if (judge_.failed()) return;
  audit();  // a server that stood still may have kept another message meanwhile
  if (judge_.failed()) return;
  if (const std::string why = unsettled(); !why.empty()) {
    judge_.broken("what has settled stays so", why);
  }
  // Where pings are frequent there may be one in every second.
  constexpr std::size_t ping_bytes = 1'100;
  const bool pings = plan_.process.config.limits.ping_interval_ms < 20'000;
  if (least > (pings ? clients_.size() * ping_bytes : 0)) {
    judge_.broken("a server with nothing to send keeps no buffer",
                  std::to_string(least) + " bytes");
  }
  if (lent != 0) {
    judge_.broken("receive buffers are given back", std::to_string(lent) + " are not");
  }
  check_presence();
  if (!judge_.failed()) check_typing();
  if (!judge_.failed() && plan_.servers != 0 && plan_.process.bus) check_hurry();
}

void World::check_typing() {
  for (const auto& client : clients_) {
    if (const std::string who = client->typing(); !who.empty()) {
      judge_.broken("who does not type is not shown as typing", who);
    }
  }
}

// Somebody on each server says something more: the bus brings it to all others before a poll does.
void World::check_hurry() {
  constexpr base::Duration in_a_hurry = seconds{2};
  constexpr base::Duration between_looks = milliseconds{20};  // looking costs an audit
  std::set<const Network*> asked;
  for (const auto& client : clients_) {
    if (judge_.failed()) return;
    if (!asked.insert(client->network()).second || !client->speak()) continue;
    if (random_.flip()) broker_->lose_next_events();  // a beat tells of it
    const base::Instant deadline = io::now() + in_a_hurry;
    base::Instant look_again = io::now() + between_looks;
    for (std::string why = "said"; !why.empty() && !judge_.failed(); step()) {
      if (io::now() < look_again) continue;
      audit();
      why = unsettled();
      look_again = io::now() + between_looks;
      if (!why.empty() && io::now() > deadline) judge_.broken("the bus hurries", why);
    }
  }
}

void World::check_presence() {
  for (const auto& client : clients_) {
    if (!client->speaks_v1()) continue;
    for (const std::string& room : plan_.clients.front().rooms) {
      if (!client->in_room(room)) continue;
      std::set<chat::UserId> here;
      for (const auto& other : clients_) {
        // Without a bus servers do not tell each other.
        const bool told =
            plan_.servers == 0 || plan_.process.bus || client->network() == other->network();
        if (other->in_room(room) && told) here.insert(other->user());
      }
      if (client->count_in(room) != here.size()) {
        judge_.broken("presence agrees with who is connected",
                      client->name() + " counts " + std::to_string(client->count_in(room)) +
                          " in " + room + ", " + std::to_string(here.size()) + " are there");
      }
      if (here.size() > plan_.process.config.presence.events_max) continue;
      if (plan_.process.config.presence.events_max < max_users) continue;
      std::set<chat::UserId> known = client->online_in(room);
      known.insert(client->user());
      if (known != here) {
        judge_.broken("presence agrees with who is connected",
                      client->name() + " knows others in " + room + " than are there");
      }
    }
  }
}

void World::let_go() {
  for (const auto& client : clients_) client->retire();
  for (const auto& client : rest_clients_) client->retire();
  for (const auto& server : servers_) server->retire();
  const base::Instant deadline = io::now() + seconds{60};
  while (any_runs() && !judge_.failed()) {
    step();
    if (io::now() > deadline) {
      judge_.broken("a server that is told to stop does", "it has clients or calls left");
    }
  }
}

std::string World::story() const {
  std::string story;
  for (const auto& client : clients_) {
    story += client->name() + " (user " + std::to_string(client->user()) + "):\n";
    for (const std::string& line : client->history()) story += "  " + line.substr(0, 200) + "\n";
  }
  return story;
}

}  // namespace starling::sim
