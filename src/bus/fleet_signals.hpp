// FleetSignals: the signals of a server that may be one of several. Its shards hear each other at
// once, as those of a lone server do; the other servers hear by lines (bus/signal_lines.hpp) what
// concerns them, or do not.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "bus/line_transport.hpp"
#include "bus/local_bus.hpp"
#include "chat/signal.hpp"
#include "proto/json_reader.hpp"

namespace starling::bus {

class FleetSignals final : public chat::SignalBus, public LineReader {
 public:
  // Before the shards run; not changed afterwards.
  void add(chat::SignalInbox* shard) { shards_.add(shard); }
  void set_transport(LineTransport* transport) { transport_ = transport; }  // nullptr: alone

  // ---- any shard's thread
  void publish(const chat::Signal& signal) override;
  void send(std::uint16_t shard, const chat::Signal& signal) override {
    shards_.send(shard, signal);
  }
  void publish_elsewhere(const chat::Signal& signal) override;

  // ---- the thread that reads the bus
  void on_line(const Origin& from, std::string_view line) override;

  // ---- any thread
  // Lines that no server of this version writes.
  std::uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  LocalBus shards_;
  LineTransport* transport_ = nullptr;
  proto::JsonReader json_{max_line_bytes};
  std::atomic<std::uint64_t> refused_{0};
};

}  // namespace starling::bus
