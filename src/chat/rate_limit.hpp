// A token bucket: what one connection may do per second, with some saved up for a burst. Pure: time
// is passed in.
#pragma once

#include "base/time.hpp"

namespace starling::chat {

struct RateRule {
  double per_second = 1;
  double burst = 1;  // tokens that a rested bucket holds
};

class RateLimit {
 public:
  // Takes one token, also where there is none left: the debt is paid off first. True: there was
  // one.
  bool take(const RateRule& rule, base::Instant now);
  // Gives back a token that a refused request took.
  void put_back() { tokens_ += 1; }
  // How long until the next take() finds a token.
  base::Duration retry_after(const RateRule& rule) const;

 private:
  double tokens_ = 0;
  base::Instant last_{};  // far in the past: the first take() finds a full bucket
};

}  // namespace starling::chat
