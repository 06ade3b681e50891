// The bus of a server that is alone: every shard hears the signals of every shard.
#pragma once

#include <cstdint>
#include <vector>

#include "chat/signal.hpp"

namespace starling::bus {

class LocalBus final : public chat::SignalBus {
 public:
  // By index, before the shards run; not changed afterwards.
  void add(chat::SignalInbox* shard) { shards_.push_back(shard); }
  void publish(const chat::Signal& signal) override {
    for (chat::SignalInbox* shard : shards_) static_cast<void>(shard->signal(signal));
  }
  void send(std::uint16_t shard, const chat::Signal& signal) override {
    static_cast<void>(shards_.at(shard)->signal(signal));
  }
  void publish_elsewhere(const chat::Signal&) override {}

 private:
  std::vector<chat::SignalInbox*> shards_;
};

}  // namespace starling::bus
