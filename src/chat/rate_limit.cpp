#include "chat/rate_limit.hpp"

#include <algorithm>
#include <chrono>

namespace starling::chat {

base::Duration time_of(const RateRule& rule, double tokens) {
  const std::chrono::duration<double> seconds{tokens / rule.per_second};
  return std::chrono::duration_cast<base::Duration>(seconds);
}

bool RateLimit::take(const RateRule& rule, base::Instant now) {
  full_at_ = std::max(full_at_, now) + time_of(rule, 1);
  return full_at_ - now <= time_of(rule, rule.burst);
}

void RateLimit::put_back(const RateRule& rule) { full_at_ -= time_of(rule, 1); }

base::Duration RateLimit::retry_after(const RateRule& rule, base::Instant now) const {
  return std::max(base::Duration::zero(), full_at_ - now - time_of(rule, rule.burst - 1));
}

}  // namespace starling::chat
