#include "scenarios.hpp"

#include <array>

namespace starling::sim {
namespace {

using std::chrono::milliseconds;
using What = Event::What;

constexpr milliseconds length{600};

// Three people in one room of a server with one core, and nothing that hinders them.
Plan calm_plan() {
  Plan plan;
  Config& config = plan.process.config;
  config.auth.mode = AuthMode::open;
  config.limits.messages_per_second = config.limits.message_burst = 1'000;
  config.limits.address_requests_per_second = 0;  // simulated sockets have no address
  plan.process.readers = 1;
  for (chat::UserId user = 1; user <= 3; ++user) {
    Habits habits;
    habits.user = user;
    habits.rooms = {"room1"};
    habits.pace_ms = 40;
    plan.clients.push_back(habits);
  }
  plan.chaos = length;
  plan.step_us = 100;
  return plan;
}

void at_half_time(Plan& plan, What what) { plan.events.push_back({length / 2, what}); }

void everybody(Plan& plan, void (*change)(Habits& habits)) {
  for (Habits& habits : plan.clients) change(habits);
}

void talk(Plan& /*calm*/) {}
void older_dialect(Plan& plan) {
  everybody(plan, [](Habits& habits) { habits.v1 = false; });
}
void three_rooms(Plan& plan) {
  everybody(plan, [](Habits& habits) { habits.rooms = {"room1", "room2", "room3"}; });
}
void four_cores(Plan& plan) {
  plan.process.shards = 4;
  plan.process.readers = 2;
}
void one_user_twice(Plan& plan) {
  everybody(plan, [](Habits& habits) { habits.user = 1; });
}
void a_commit_for_each(Plan& plan) { plan.process.config.store.batch_events = 1; }
void who_stops_reading(Plan& plan) {
  plan.clients.front().lazy = 300;
  everybody(plan, [](Habits& habits) { habits.content_bytes = 3'000; });
  plan.network.pipe_bytes = 2'048;
  plan.process.config.limits.room_buffer_bytes = 4'096;
  plan.process.config.limits.private_buffer_bytes = 8'192;
}
void cut_lines(Plan& plan) {
  everybody(plan, [](Habits& habits) { habits.cuts = 150; });
}
void garbage(Plan& plan) {
  everybody(plan, [](Habits& habits) { habits.garbage = 200; });
}
void calls(Plan& plan) { plan.rest_clients = 3; }
void killed(Plan& plan) { at_half_time(plan, What::kill); }
void killed_in_io(Plan& plan) { at_half_time(plan, What::kill_in_io); }
void power_lost(Plan& plan) { at_half_time(plan, What::power_loss); }
void power_lost_in_io(Plan& plan) { at_half_time(plan, What::power_loss_in_io); }
void drained(Plan& plan) { at_half_time(plan, What::drain); }
void clock_set(Plan& plan) { at_half_time(plan, What::clock_jump); }
void bytes_in_pieces(Plan& plan) {
  plan.network.small_pieces = 700;
  plan.network.receive_buffers = 2;
  plan.network.receive_buffer_bytes = 64;
}
void a_full_server(Plan& plan) {  // where who was cut off is still there when he comes again
  cut_lines(plan);
  plan.process.config.limits.connections = 3;
}
void too_fast(Plan& plan) {
  plan.process.config.limits.messages_per_second = 5;
  plan.process.config.limits.message_burst = 3;
}
void a_core_that_lags(Plan& plan) {
  plan.process.shards = 2;
  plan.process.pause = 100;
  plan.process.longest_pause_ms = 100;
  plan.process.inbox.batches = 2;
  plan.process.inbox.signals = 4;
}
void far_behind(Plan& plan) {
  cut_lines(plan);
  plan.process.config.resume.max_events = 3;
}

constexpr auto all = std::to_array<Scenario>({
    {"talk", talk},
    {"older dialect", older_dialect},
    {"three rooms", three_rooms},
    {"four cores", four_cores},
    {"one user, three sockets", one_user_twice},
    {"a commit for each message", a_commit_for_each},
    {"who stops reading", who_stops_reading},
    {"cut lines", cut_lines},
    {"garbage", garbage},
    {"calls", calls},
    {"killed", killed},
    {"killed in I/O", killed_in_io},
    {"power lost", power_lost},
    {"power lost in I/O", power_lost_in_io},
    {"drained", drained},
    {"clock set", clock_set},
    {"bytes in pieces", bytes_in_pieces},
    {"a full server", a_full_server},
    {"too fast", too_fast},
    {"a core that lags", a_core_that_lags},
    {"far behind", far_behind},
});

}  // namespace

std::span<const Scenario> scenarios() { return all; }

Plan make_plan(const Scenario& scenario, Fault fault, std::uint64_t at) {
  Plan plan = calm_plan();
  scenario.shape(plan);
  plan.fault = fault;
  plan.fault_at = at;
  return plan;
}

}  // namespace starling::sim
