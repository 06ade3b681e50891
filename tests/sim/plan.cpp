#include "plan.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace starling::sim {
namespace {

using std::chrono::milliseconds;

// A fault belongs to a run or not; where it does, its rate is anything up to `most`.
unsigned some(Random& random, unsigned most) {
  return random.permille(400) ? static_cast<unsigned>(random.between(1, most)) : 0;
}

NetworkFaults network_faults(Random& random) {
  NetworkFaults faults;
  faults.short_send = some(random, 200);
  faults.failed_send = some(random, 10);
  faults.ended_multishot = some(random, 200);
  faults.failed_accept = some(random, 200);
  faults.stubborn = some(random, 500);
  faults.freeze = some(random, 10);
  faults.small_pieces = some(random, 500);
  faults.pipe_bytes = std::size_t{1} << random.between(9, 17);
  faults.receive_buffers = 1u << random.between(1, 6);
  faults.receive_buffer_bytes = 1u << random.between(6, 12);
  return faults;
}

DiskFaults disk_faults(Random& random) {
  DiskFaults faults;
  faults.failed_write = some(random, 5);
  faults.full = some(random, 5);
  faults.failed_sync = some(random, 50);
  faults.failed_read = some(random, 3);
  return faults;
}

Config config_of(Random& random) {
  Config config;
  config.auth.mode = AuthMode::open;
  config.limits.messages_per_second = random.permille(200) ? 5 : 1'000;
  config.limits.message_burst = random.permille(200) ? 10 : 1'000;
  // Simulated sockets have no address: all clients would share one address's limits.
  config.limits.address_requests_per_second = 0;
  config.limits.ping_interval_ms = random.flip() ? 30'000 : 2'000;
  config.limits.send_timeout_ms = static_cast<unsigned>(random.between(2, 20)) * 1'000;
  config.limits.room_buffer_bytes = std::size_t{1} << random.between(12, 20);
  config.limits.private_buffer_bytes = std::size_t{1} << random.between(13, 20);
  config.limits.shard_buffer_bytes = std::size_t{1} << random.between(16, 26);
  config.limits.requests_in_flight = 1u << random.between(4, 9);
  config.limits.connections = random.permille(100) ? 3 : 1'000;
  config.store.batch_events = 1u << random.between(0, 8);
  config.presence.grace_ms = random.permille(300) ? 200 : 3'000;
  config.presence.events_max = random.permille(200) ? 2 : 200;
  config.resume.max_events = random.permille(300) ? 10 : 1'000;
  return config;
}

std::vector<Habits> habits_of(Random& random, std::size_t connections) {
  std::vector<std::string> rooms;
  for (std::uint64_t i = random.between(1, 4); i > 0; --i)
    rooms.push_back("room" + std::to_string(i));
  const std::uint64_t users = random.between(2, 6);
  const std::uint64_t clients =
      std::min<std::uint64_t>(connections, random.permille(100) ? 20 : random.between(2, 9));
  const unsigned pace = static_cast<unsigned>(random.between(20, 300));
  const unsigned lazy = some(random, 60);
  const unsigned cuts = some(random, 60);
  const unsigned garbage = some(random, 20);
  const std::size_t content = random.permille(300) ? 3'000 : 60;
  std::vector<Habits> all;
  for (std::uint64_t i = 0; i < clients; ++i) {
    Habits habits;
    habits.user = random.between(1, users);
    habits.v1 = random.permille(800);
    habits.rooms = rooms;
    habits.pace_ms = pace;
    habits.lazy = random.flip() ? lazy : 0;
    habits.cuts = cuts;
    habits.garbage = garbage;
    habits.content_bytes = content;
    all.push_back(std::move(habits));
  }
  return all;
}

std::vector<Event> events_of(Random& random, base::Duration chaos) {
  std::vector<Event> events;
  const std::uint64_t length_ms = static_cast<std::uint64_t>(chaos / milliseconds{1});
  std::uint64_t at_ms = 0;
  for (std::uint64_t i = random.between(0, 8); i > 0; --i) {
    // Misfortunes seldom come alone.
    at_ms = i % 2 == 0 && random.flip() ? at_ms + random.below(200) : random.below(length_ms);
    events.push_back({milliseconds{at_ms}, static_cast<Event::What>(random.below(8))});
  }
  std::ranges::sort(events, {}, &Event::at);
  return events;
}

MysqlFaults database_faults(Random& random) {
  MysqlFaults faults;
  faults.slow = some(random, 50);
  faults.lost_statement = some(random, 5);
  faults.lost_answer = some(random, 5);
  faults.deadlock = some(random, 20);
  faults.early_read = some(random, 200);
  faults.late_end = some(random, 500);
  return faults;
}

BrokerFaults bus_faults(Random& random) {
  BrokerFaults faults;
  faults.lost = some(random, 300);
  faults.twice = some(random, 300);
  faults.late = some(random, 300);
  faults.latest_ms = random.flip() ? 20 : 2'000;
  return faults;
}

std::vector<Event> fleet_events_of(Random& random, base::Duration chaos, unsigned servers) {
  using What = Event::What;
  constexpr std::array all{What::kill,          What::kill_in_io,    What::drain,
                           What::clock_jump,    What::freeze,        What::freeze,
                           What::database_dies, What::database_full, What::database_cut,
                           What::bus_dies,      What::bus_blocked,   What::bus_cut};
  std::vector<Event> events = events_of(random, chaos);
  for (Event& event : events) {
    event.what = all[random.below(all.size())];
    event.server = static_cast<unsigned>(random.between(1, servers));
  }
  return events;
}

// After all that a seed says of a single server.
void make_fleet(Plan& plan, Random& random, std::optional<unsigned> servers) {
  plan.servers = static_cast<unsigned>(random.between(2, 3));
  if (servers) plan.servers = *servers;
  plan.process.bus = random.permille(850);
  plan.process.config.bus.partitions = static_cast<unsigned>(random.between(1, 8));
  plan.database = database_faults(random);
  plan.bus = bus_faults(random);
  plan.disk = {};
  plan.process.strain = 0;
  plan.events = fleet_events_of(random, plan.chaos, plan.servers);
}

// Who says nothing of the epoch cannot be told of a new one.
void let_go_back(Plan& plan, Random& random) {
  plan.goes_back = true;
  plan.rest_clients = 0;
  for (Habits& habits : plan.clients) habits.v1 = true;
  const auto length_ms = static_cast<std::uint64_t>(plan.chaos / milliseconds{1});
  plan.events.push_back(
      {milliseconds{length_ms / 4 + random.below(length_ms * 3 / 4)}, Event::What::database_back});
  std::ranges::sort(plan.events, {}, &Event::at);
}

}  // namespace

Plan make_plan(Random& random, const Wishes& wishes) {
  Plan plan;
  plan.network = network_faults(random);
  plan.disk = disk_faults(random);
  plan.process.config = config_of(random);
  plan.process.shards = static_cast<unsigned>(random.between(1, 4));
  if (wishes.shards) plan.process.shards = *wishes.shards;
  plan.process.readers = static_cast<unsigned>(random.between(1, 3));
  plan.process.mailbox_items = std::size_t{1} << random.between(3, 8);
  plan.process.pause = some(random, 100);
  plan.process.longest_pause_ms = random.flip() ? 10 : 500;
  plan.process.inbox.batches = std::size_t{1} << random.between(1, 6);
  plan.process.inbox.batch_bytes = std::size_t{1} << random.between(12, 20);
  plan.process.inbox.signals = std::size_t{1} << random.between(2, 8);
  plan.process.inbox.sockets = std::size_t{1} << random.between(1, 4);
  plan.clients = habits_of(random, plan.process.config.limits.connections);
  plan.rest_clients = static_cast<unsigned>(random.below(3));
  if (plan.process.config.limits.connections < 10) plan.rest_clients = 0;
  plan.chaos = milliseconds{random.between(2'000, 15'000)};
  plan.events = events_of(random, plan.chaos);
  plan.step_us = 1u << random.between(3, 9);
  plan.network_weight = static_cast<unsigned>(random.between(200, 800));
  Random strain = random;  // the runs without it stay what they are
  if (strain.permille(250)) plan.process.strain = static_cast<unsigned>(strain.between(1, 10));
  if (wishes.fleet || wishes.servers || wishes.goes_back) {
    make_fleet(plan, random, wishes.servers);
  }
  if (wishes.goes_back) let_go_back(plan, random);
  return plan;
}

}  // namespace starling::sim
