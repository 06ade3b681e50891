// Process: a whole server (archive, writer, readers, shards) in the run's one thread.
//
// Each part is turned when it could run: a shard while its ring is not asleep, the writer and the
// readers until their wait() says that they would sleep. Between two turns anything else may
// happen. What a part finds although nobody woke it was a lost wake-up. The
// writer's turn is not one step for the others: they run on while it syncs, and between its commit
// and its deliveries.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/ws_protocol.hpp"
#include "bus/consumer.hpp"
#include "bus/fleet_signals.hpp"
#include "bus/publisher.hpp"
#include "disk_sim.hpp"
#include "fiber.hpp"
#include "network.hpp"
#include "ring_sim.hpp"
#include "shard/shard.hpp"
#include "starling/config.hpp"
#include "store/archive.hpp"

namespace starling::sim {

struct ProcessOptions {
  Config config;
  unsigned shards = 1;
  unsigned readers = 2;
  std::size_t mailbox_items = 64;
  shard::InboxBounds inbox;
  unsigned strain = 0;  // per thousand steps: the memory that is used changes
  unsigned pause = 0;   // per thousand turns: the thread is not run for a while
  unsigned longest_pause_ms = 0;
  base::Duration longest_wait = std::chrono::milliseconds{100};
  unsigned server = 0;  // of a fleet: its number there; 0: alone, with an archive of its own
  bool bus = false;     // of a fleet
};

// Sends a shard's requests to the parts that do them; full mailboxes refuse.
class Router final : public chat::Backend {
 public:
  bool submit(chat::Request&& request, chat::Ticket ticket) override;
  void hand_over() override;

  store::Writer* writer = nullptr;
  std::vector<store::Reader*> readers;

 private:
  std::size_t next_reader_ = 0;
  bool writes_posted_ = false;
};

class Process final : private chat::EventEncoder {
 public:
  static constexpr const char* database = "starling.db";

  // `id`: who it is to other servers.
  Process(const ProcessOptions& options, std::string id, Random& random, Network& network,
          Disk& disk);
  ~Process() override;
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;

  // Empty, or why it cannot start (the disk).
  std::string start();

  // Turns one part that can run, chosen by `random`. False: all are asleep.
  bool step();
  std::optional<base::Instant> next_deadline() const;

  void heal() { kind_ = true; }  // from here on every thread is run when it can
  void drain();
  bool drained() const;
  bool writing() const { return writer_.fiber->busy(); }  // and waits for the database
  void say_farewell();  // to the other servers, when it is drained

  std::size_t buffer_bytes() const;  // of all shards, as of their last tick
  unsigned buffers_lent() const;
  const store::Archive& archive() const { return *archive_; }

 private:
  template <typename Worker>
  struct Loop {
    std::unique_ptr<Worker> worker;
    int wake = -1;
    bool asleep = false;
    base::Instant paused_until{};
    std::unique_ptr<Fiber> fiber = std::make_unique<Fiber>();  // of its turns
  };
  struct Core {
    std::unique_ptr<shard::Shard> shard;
    SimRing* ring = nullptr;
    bool drained = false;
    bool bus_well = false;  // as of its last turn
    base::Instant paused_until{};
  };

  void append_frame(const chat::Event& event, std::string& out) const override;
  void run_others() const;
  store::ArchiveOptions archive_options();
  std::string make_shard(std::uint16_t index);
  void make_publisher();
  void make_consumer(const std::vector<chat::ShardInbox*>& inboxes);
  void turn(Core& core);
  template <typename Worker>
  void turn(Loop<Worker>& loop);
  template <typename Worker>
  void whole_turn(Loop<Worker>& loop);
  bool runnable(const Core& core) const;
  template <typename Worker>
  bool runnable(const Loop<Worker>& loop) const;
  template <typename Worker>
  static bool woken(const Loop<Worker>& loop);
  // Calls visit(loop) for writer, readers, publisher and consumer, as far as there are.
  template <typename Visit>
  void each_loop(Visit&& visit);
  base::Instant pause_from_now() const;

  const ProcessOptions options_;
  const std::string id_;
  Random& random_;
  Network& network_;
  Disk& disk_;
  api::FrameEncoder encoder_;
  bus::FleetSignals signals_;
  chat::FleetState fleet_;
  bus::BusOptions bus_options_;
  Router router_;
  std::unique_ptr<store::Archive> archive_;
  std::unique_ptr<chat::Quotas> quotas_;
  chat::MemoryLadder memory_{100};  // of a hundred bytes
  std::vector<Core> cores_;
  Loop<store::Writer> writer_;
  std::vector<Loop<store::Reader>> readers_;
  Loop<bus::Publisher> publisher_;  // without a worker: there is no bus
  Loop<bus::Consumer> consumer_;
  std::vector<int> ready_;
  bool kind_ = false;
  bool writing_ = false;     // the writer is in the middle of its turn
  bool others_run_ = false;  // and this is one of theirs
};

}  // namespace starling::sim
