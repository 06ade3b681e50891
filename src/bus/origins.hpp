// Origins: who else is there, and whether all that they said has come.
//
// Each server numbers its bodies by partition and says once a second, by a beat, how far it has
// come. A number that is left out, a server that comes up with numbers that were never heard, and
// one that falls silent all mean the same: something may be missing, compare with the archive.
// Pure: no clock, no broker. Belongs to the consumer's thread.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/time.hpp"
#include "bus/line_transport.hpp"

namespace starling::bus {

class Origins {
 public:
  // Two beats and a half: shorter than anybody waits for a message without wondering.
  static constexpr base::Duration silent_after = std::chrono::milliseconds{2'500};
  // A server that has been silent for so long is gone, and not waited for any more.
  static constexpr base::Duration forgotten_after = std::chrono::seconds{60};
  static constexpr std::size_t max_origins =
      1'024;  // a further one takes the place of the quietest

  // A body of events. True: bodies of this origin before it have not come.
  bool heard(const Origin& origin, unsigned partition, std::uint64_t number, base::Instant now);
  // A beat. True: not everything that was said before it has come.
  bool heard(const Origin& origin, const std::vector<std::uint64_t>& numbers, base::Instant now);
  // It says that it goes: nothing more is to come.
  void gone(const Origin& origin);

  // From time to time. True: somebody has fallen silent since the last call.
  bool look(base::Instant now);
  // Somebody that is not forgotten yet is silent.
  bool anybody_silent() const { return silent_ > 0; }
  std::size_t size() const { return known_.size(); }
  // Whatever is said next is taken as it comes: what was said meanwhile is asked of the archive.
  // Silence is counted from now.
  void start_anew(base::Instant now);

 private:
  struct Known {
    std::uint64_t incarnation = 0;
    base::Instant heard{};
    bool silent = false;
    std::vector<std::uint64_t> numbers;  // by partition, the highest that was heard of
  };
  // nullptr: an older incarnation, of which nothing is to be expected.
  Known* meet(const Origin& origin, base::Instant now);
  void make_room();

  std::map<std::string, Known> known_;
  std::size_t silent_ = 0;
};

}  // namespace starling::bus
