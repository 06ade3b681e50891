#include "chat/rate_limit.hpp"

#include <algorithm>
#include <chrono>

namespace starling::chat {

bool RateLimit::take(const RateRule& rule, base::Instant now) {
  if (last_ == base::Instant{}) {
    tokens_ = rule.burst;
  } else if (now > last_) {
    const double passed = std::chrono::duration<double>(now - last_).count();
    tokens_ = std::min(rule.burst, tokens_ + passed * rule.per_second);
  }
  last_ = std::max(last_, now);
  tokens_ -= 1;
  return tokens_ >= 0;
}

base::Duration RateLimit::retry_after(const RateRule& rule) const {
  const double seconds = std::max(0.0, (1 - tokens_) / rule.per_second);
  return std::chrono::duration_cast<base::Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace starling::chat
