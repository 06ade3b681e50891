// The bus of a server that is alone: every shard hears the signals of every shard.
#pragma once

#include <vector>

#include "chat/signal.hpp"

namespace starling::bus {

class LocalBus final : public chat::SignalBus {
 public:
  // Before the shards run; not changed afterwards.
  void add(chat::SignalInbox* shard) { shards_.push_back(shard); }
  void publish(const chat::Signal& signal) override {
    for (chat::SignalInbox* shard : shards_) static_cast<void>(shard->signal(signal));
  }

 private:
  std::vector<chat::SignalInbox*> shards_;
};

}  // namespace starling::bus
