#include "bus/fleet_signals.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bus/signal_lines.hpp"

namespace starling::bus {

void FleetSignals::publish(const chat::Signal& signal) {
  shards_.publish(signal);
  publish_elsewhere(signal);
}

// What is dropped here is said again: presence by digests, revocations by the archive; a typing
// mark or a read pointer that is not heard of costs nobody anything that lasts.
void FleetSignals::publish_elsewhere(const chat::Signal& signal) {
  if (!transport_ || !transport_->up()) return;
  std::vector<std::string> lines;
  append_lines(signal, lines);
  for (std::string& line : lines) static_cast<void>(transport_->publish(std::move(line)));
}

void FleetSignals::on_line(const Origin& from, std::string_view line) {
  if (const std::optional<chat::Signal> signal = parse_line(json_, from, line)) {
    shards_.publish(*signal);
  } else {
    refused_.fetch_add(1, std::memory_order_relaxed);
  }
}

}  // namespace starling::bus
