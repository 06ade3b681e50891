// The limits that clients and operators meet, and what happens at each: docs/limits.md.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace starling::server {

// A bound that is no setting.
struct Fixed {
  std::size_t bound = 0;
  std::string_view unit = {};  // empty where it counts things
};

struct Limit {
  std::string_view what;                        // begins small and ends without a full stop
  std::variant<std::string_view, Fixed> bound;  // the name of a key, or the bound itself
  std::string_view of;                          // a connection, a user, an address, ...
  // Below each of the group's `answers`; empty where the limit cannot be met that way.
  std::vector<std::string_view> answers;
};

struct LimitGroup {
  std::string_view title;
  std::vector<std::string_view> answers;  // by which way one meets them
  std::vector<Limit> limits;
};

std::vector<LimitGroup> all_limits();

// docs/limits.md.
std::string limits_page();

}  // namespace starling::server
