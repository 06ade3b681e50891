#include "server/keeper.hpp"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <utility>
#include <vector>

#include "base/log.hpp"
#include "io/clock.hpp"
#include "server/exit_code.hpp"

namespace starling::server {
namespace {

constexpr base::Duration look_interval = std::chrono::seconds{1};
constexpr base::Duration drain_poll = std::chrono::milliseconds{20};

std::string seconds_of(base::Duration duration) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

}  // namespace

Keeper::Keeper(Kept& kept, Notifier& notifier, MemoryWatch& memory, int signals)
    : kept_(kept), notifier_(notifier), memory_(memory), signals_(signals) {
  const base::Instant now = io::now();
  kept_.watch_threads(vitals_, now);
  last_look_ = now;
  next_look_ = now;
  next_feed_ = now;
}

base::Result<void> Keeper::open_control(const std::string& data_dir) {
  base::Result<Control> control =
      Control::open(data_dir, [this](std::string_view question) { return answer(question); });
  if (!control) return tl::make_unexpected(std::move(control.error()));
  control_.emplace(std::move(*control));
  return {};
}

void Keeper::run() {
  std::vector<pollfd> watched;
  for (;;) {
    memory_.prepare_wait();  // first: what is asked for during the look ends the wait
    memory_.look(io::now());
    watched.assign({{signals_, POLLIN, 0}, {memory_.descriptor(), POLLIN, 0}});
    if (control_) control_->append_to(watched);
    ::poll(watched.data(), watched.size(), wait_ms());
    memory_.end_wait();
    if (watched.front().revents & POLLIN) on_signal();
    if (control_) control_->turn();
    tick();
    if (!draining_) continue;
    if (kept_.drained()) return;
    if (io::now() < drain_ends_) continue;
    base::log(base::LogLevel::warning, "the drain's deadline has passed: what is open is cut off");
    return;
  }
}

int Keeper::wait_ms() const {
  const base::Instant now = io::now();
  base::Duration wait = next_look_ - now;
  if (notifier_.watchdog_interval()) wait = std::min(wait, next_feed_ - now);
  if (draining_) wait = std::min(wait, drain_poll);
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(wait).count();
  return static_cast<int>(std::max<decltype(ms)>(ms, 0));
}

void Keeper::on_signal() {
  signalfd_siginfo signal{};
  if (::read(signals_, &signal, sizeof signal) != sizeof signal) return;
  if (signal.ssi_signo == SIGHUP) {
    reload();
  } else if (draining_) {
    ::_exit(signal.ssi_signo == SIGINT ? exit_interrupted : exit_terminated);
  } else {
    begin_drain();
  }
}

ControlAnswer Keeper::answer(std::string_view question) {
  constexpr std::string_view level_question = "log-level ";
  if (question == "status") return kept_.report(false, draining_);
  if (question == "status json") return kept_.report(true, draining_);
  if (question == "reload") return reload();
  if (question == "revocations") {
    kept_.reread_revocations();
    return {exit_ok, ""};
  }
  if (question == "drain") return begin_drain();
  if (question.starts_with(level_question)) {
    const std::string text{question.substr(level_question.size())};
    base::LogLevel level = base::LogLevel::info;
    if (!base::parse_log_level(text, level)) {
      return {exit_usage, "a level is debug, info, warning or error"};
    }
    base::set_log_level(level);
    return {exit_ok, "logs " + text + " and above until the next reload or restart"};
  }
  return {exit_usage, "this server does not know '" + std::string{question} + "'"};
}

ControlAnswer Keeper::reload() {
  if (draining_) return {exit_unavailable, "the server is draining"};
  notifier_.reloading();
  ControlAnswer said = kept_.reload();
  notifier_.ready();
  return said;
}

ControlAnswer Keeper::begin_drain() {
  if (draining_) return {exit_ok, "draining already"};
  base::log(base::LogLevel::info, "draining");
  notifier_.stopping();
  notifier_.status("Draining");
  draining_ = true;
  drain_ends_ = io::now() + kept_.drain_deadline();
  kept_.drain();
  return {exit_ok, "draining"};
}

// A thread that has drained turns no more: nobody is watched from then on.
void Keeper::tick() {
  const base::Instant now = io::now();
  if (now >= next_feed_ && notifier_.watchdog_interval()) {
    next_feed_ = now + *notifier_.watchdog_interval();
    if (draining_ || vitals_.all_turned()) notifier_.feed_watchdog();
  }
  if (now < next_look_) return;
  next_look_ = now + look_interval;
  if (draining_) return;
  const std::vector<Vitals::Stalled> stalled = vitals_.look(now);
  const std::size_t before = std::exchange(stalled_, stalled.size());
  for (const Vitals::Stalled& thread : stalled) {
    if (stalled_ <= before) break;  // said already
    base::log(
        base::LogLevel::error,
        "a thread stands still: if the writer or a reader, look at the database and its disk; "
        "if another, restart the server and report what gdb or perf shows of it",
        {{"thread", thread.name}, {"seconds", seconds_of(thread.since)}});
  }
  if (stalled_ < before) base::log(base::LogLevel::info, "threads that stood still turn again");
  kept_.note_stalled(stalled_);
  std::string line = kept_.status(std::exchange(last_look_, now));
  if (!stalled.empty()) {
    line = stalled.front().name + " stands still for " + seconds_of(stalled.front().since) +
           " s; " + line;
  }
  notifier_.status(line);
}

}  // namespace starling::server
