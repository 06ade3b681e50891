// renew(): a value as new, and what it has allocated given back. Assigning an empty string or
// vector does not do that: `text = {}` and `text = std::string{}` keep the room that `text` had.
#pragma once

#include <utility>

namespace starling::base {

template <typename Value>
void renew(Value& value) {
  const Value old = std::move(value);
  value = Value{};
}

}  // namespace starling::base
