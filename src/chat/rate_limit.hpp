// A token bucket: what one connection may do per second, with some saved up for a burst. Pure: time
// is passed in.
//
// The bucket fills at an even pace, so one instant says how full it is: the one at which it will be
// full again. A token taken moves that instant on by the time that a token needs to come.
#pragma once

#include "base/time.hpp"

namespace starling::chat {

struct RateRule {
  double per_second = 1;
  double burst = 1;  // tokens that a rested bucket holds
};

// In which that many tokens come.
base::Duration time_of(const RateRule& rule, double tokens);

class RateLimit {
 public:
  // Takes one token, also where there is none left: the debt is paid off first. True: there was
  // one.
  bool take(const RateRule& rule, base::Instant now);
  // Gives back a token that a refused request took.
  void put_back(const RateRule& rule);
  // How long until the next take() finds a token.
  base::Duration retry_after(const RateRule& rule, base::Instant now) const;

 private:
  base::Instant full_at_{};  // far in the past: the first take() finds a full bucket
};

}  // namespace starling::chat
