#include "bus/origins.hpp"

#include <algorithm>

namespace starling::bus {

Origins::Known* Origins::meet(const Origin& origin, base::Instant now) {
  if (known_.size() == max_origins && !known_.contains(origin.server)) make_room();
  Known& known = known_[origin.server];
  if (known.incarnation > origin.incarnation) return nullptr;
  if (known.incarnation < origin.incarnation) {  // it started again, or is heard for the first time
    known.incarnation = origin.incarnation;
    known.numbers.clear();
  }
  known.heard = now;
  if (known.silent) {
    known.silent = false;
    --silent_;
  }
  return &known;
}

void Origins::make_room() {
  const auto quietest =
      std::ranges::min_element(known_, {}, [](const auto& entry) { return entry.second.heard; });
  if (quietest->second.silent) --silent_;
  known_.erase(quietest);
}

bool Origins::heard(const Origin& origin, unsigned partition, std::uint64_t number,
                    base::Instant now) {
  Known* const known = meet(origin, now);
  if (!known) return false;
  if (known->numbers.size() <= partition) known->numbers.resize(partition + 1);
  std::uint64_t& newest = known->numbers[partition];
  const bool missing = number > newest + 1;
  newest = std::max(newest, number);
  return missing;
}

bool Origins::heard(const Origin& origin, const std::vector<std::uint64_t>& numbers,
                    base::Instant now) {
  Known* const known = meet(origin, now);
  if (!known) return false;
  if (known->numbers.size() < numbers.size()) known->numbers.resize(numbers.size());
  bool missing = false;
  for (std::size_t partition = 0; partition < numbers.size(); ++partition) {
    missing |= numbers[partition] > known->numbers[partition];
    known->numbers[partition] = std::max(known->numbers[partition], numbers[partition]);
  }
  return missing;
}

void Origins::gone(const Origin& origin) {
  const auto place = known_.find(origin.server);
  if (place == known_.end() || place->second.incarnation > origin.incarnation) return;
  if (place->second.silent) --silent_;
  known_.erase(place);
}

bool Origins::look(base::Instant now) {
  bool fell_silent = false;
  for (auto entry = known_.begin(); entry != known_.end();) {
    Known& known = entry->second;
    if (now - known.heard >= forgotten_after) {
      if (known.silent) --silent_;
      entry = known_.erase(entry);
      continue;
    }
    if (!known.silent && now - known.heard >= silent_after) {
      known.silent = true;
      ++silent_;
      fell_silent = true;
    }
    ++entry;
  }
  return fell_silent;
}

void Origins::start_anew(base::Instant now) {
  for (auto& [server, known] : known_) known.heard = now;
}

}  // namespace starling::bus
