// Keeper: what the main thread does while the server serves. It waits for signals and for questions
// by the control socket, looks once a second whether every thread turns and at the memory, and
// tells the service manager.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.hpp"
#include "base/time.hpp"
#include "server/control.hpp"
#include "server/memory_watch.hpp"
#include "server/notify.hpp"
#include "server/vitals.hpp"

namespace starling::server {

// The server as its keeper sees it.
class Kept {
 public:
  virtual ~Kept() = default;
  virtual void watch_threads(Vitals& vitals, base::Instant now) = 0;
  // For people: "12 connections, 3 rooms, 40 messages/s"; what is wrong stands first. `since`: when
  // it was asked for the last time.
  virtual std::string status(base::Instant since) = 0;
  virtual void note_stalled(std::size_t threads) = 0;  // how many threads stand still
  // What the operator is told.
  virtual ControlAnswer report(bool as_json, bool draining) = 0;
  virtual ControlAnswer reload() = 0;
  virtual void reread_revocations() = 0;
  virtual void drain() = 0;
  virtual bool drained() const = 0;
  virtual base::Duration drain_deadline() const = 0;
};

class Keeper {
 public:
  // `signals`: a signalfd(2) of SIGTERM, SIGINT and SIGHUP. All of them outlive this.
  Keeper(Kept& kept, Notifier& notifier, MemoryWatch& memory, int signals);
  // The control socket; fails where it cannot be made in `data_dir`.
  base::Result<void> open_control(const std::string& data_dir);

  // Until the server has drained, or the drain's deadline has passed. The process ends in here at a
  // second signal.
  void run();

 private:
  ControlAnswer answer(std::string_view question);
  ControlAnswer reload();
  ControlAnswer begin_drain();
  void on_signal();
  void tick();
  int wait_ms() const;

  Kept& kept_;
  Notifier& notifier_;
  MemoryWatch& memory_;
  const int signals_;
  std::optional<Control> control_;
  Vitals vitals_;
  bool draining_ = false;
  base::Instant drain_ends_{};
  base::Instant next_look_{};
  base::Instant last_look_{};
  base::Instant next_feed_{};
  std::size_t stalled_ = 0;
};

}  // namespace starling::server
