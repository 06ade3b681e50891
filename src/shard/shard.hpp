// Shard: one core of the server. Owns a ring, its connections, and its view of the rooms.
//
// One turn of its loop: take batches, replies and signals from other threads → reap completions
// and run them → timers → flush (one send per connection that has something pending) → submit and
// sleep. A shard never blocks: whatever takes time is asked of other threads by a ticket.
//
// A server has one or more. The first accepts connections and hands each to the shard with the
// fewest; from then on it lives and dies there. What one room's members on several shards have in
// common comes to each of them: events by the writer's batches, presence by signals.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "api/rest.hpp"
#include "base/histogram.hpp"
#include "base/result.hpp"
#include "base/time.hpp"
#include "chat/archive.hpp"
#include "chat/fleet_state.hpp"
#include "chat/memory_ladder.hpp"
#include "chat/quotas.hpp"
#include "chat/signal.hpp"
#include "net/ending.hpp"
#include "shard/inbox.hpp"
#include "starling/config.hpp"

namespace starling::shard {

// Plain numbers of one shard, written by its thread and merged when somebody reads them.
struct ShardMetrics {
  std::uint64_t connections = 0;
  std::uint64_t connections_opened = 0;
  std::uint64_t connections_closed = 0;
  std::uint64_t websocket_sessions = 0;
  std::uint64_t http_requests = 0;
  std::uint64_t messages_received = 0;
  std::uint64_t messages_delivered = 0;
  std::uint64_t sends = 0;
  std::uint64_t bytes_sent = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t slow_readers = 0;
  std::uint64_t gaps_filled = 0;
  std::uint64_t doubts = 0;  // that the archive was asked about
  std::uint64_t calls_refused = 0;
  std::uint64_t signals_dropped = 0;
  std::uint64_t batches_dropped = 0;
  std::uint64_t buffer_bytes = 0;
  std::uint64_t rooms = 0;
  std::uint64_t server_rooms = 0;  // with members on any shard of this server
  std::uint64_t turns = 0;
  std::uint64_t busy_ns = 0;  // of turns, without what they waited
  std::uint64_t receives_starved = 0;
  std::uint64_t proxy_headers_refused = 0;
  net::EndingCounts ended{};
  base::Histogram delivery;  // of messages that came in here
};

struct ShardOptions {
  static constexpr unsigned max_shards = 64;

  std::uint16_t index = 0;
  const Config* config = nullptr;
  const api::TokenKeys* keys = nullptr;  // nullptr in open mode without keys
  std::span<const api::Page> pages;      // of the browser client
  chat::Quotas* quotas = nullptr;        // of the whole server
  chat::MemoryLadder* memory = nullptr;  // of the whole server
  std::function<void()> measure_memory;  // soon; any thread, does not wait
  chat::Backend* backend = nullptr;
  chat::SignalBus* bus = nullptr;
  // Where other servers write to the same archive: what is known of the bus; nullptr: alone.
  const chat::FleetState* fleet = nullptr;
  const chat::EventEncoder* encoder = nullptr;
  std::string server_id;
  std::uint64_t epoch = 0;
  std::vector<chat::RevokeToken> revocations;    // unexpired ones, at start
  int public_listener = -1;                      // the first shard only: it listens; -1: none
  std::function<bool()> archive_healthy;         // whether the last commit went well; any thread
  std::function<std::size_t()> stalled_threads;  // how many stand still; any thread
  std::string address;                           // of the public listener, "127.0.0.1:8080"
  base::WallMs started_at = 0;
  InboxBounds inbox;
  // How long a message waits for others of its room that are being committed; tests make it long.
  base::Duration longest_hold = std::chrono::milliseconds{1};
  // Those who are in no room are put off once a turn has taken so long, and they had some steps of
  // it: about a message each. Tests make both short.
  base::Duration strangers_until = std::chrono::microseconds{250};
  unsigned stranger_steps = 16;
  // How long a shard with nothing to do but for those who were put off, or have ended, waits for
  // others first. It sleeps meanwhile: a thread that never does keeps its processor for
  // milliseconds from threads that wake up (sched(7)), the one that writes what members say among
  // them.
  base::Duration breath_before_strangers = std::chrono::microseconds{100};
};

class Shard : public chat::ShardInbox, public chat::SignalInbox {
 public:
  // On the shard's own thread. Fails where the ring does.
  static base::Result<std::unique_ptr<Shard>> create(const ShardOptions& options);

  // All shards of the server by index, this one included; they outlive its turns. Before any of
  // them turns.
  virtual void meet(std::vector<Shard*> all) = 0;

  // One turn; waits at most `longest` if there is nothing to do. False when drained: no
  // connection and no open call is left after drain().
  virtual bool turn(base::Duration longest) = 0;

  // From any thread: stop accepting, tell clients when to come back, finish what was accepted.
  virtual void drain() = 0;
  // From any thread: new settings from its next turn on. Of two in one turn the later one counts.
  // Keys that take a restart are as they were.
  virtual void reconfigure(const Config& config) = 0;
  // From any thread: an operator has ended tokens. Read within a second; without this, within ten.
  virtual void reread_revocations() = 0;
  // From any thread: a connection that was accepted for this shard. False: its queue is full, the
  // socket stays the caller's.
  [[nodiscard]] virtual bool adopt(int socket) = 0;
  // Connections that it has or was given. From any thread.
  virtual std::size_t load() const = 0;
  // What was measured up to the last turn. From any thread.
  virtual ShardMetrics metrics() const = 0;
};

}  // namespace starling::shard
