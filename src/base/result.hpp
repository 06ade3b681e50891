// Result: how peers, disks and databases fail. No exception crosses a function of ours.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace starling::base {

// An error for a person: what failed, why, and what to do about it, in one sentence or two.
struct Error {
  std::string message;
  int system_errno = 0;  // errno(3) of the system call behind it, 0 if there is none
};

template <typename Value>
using Result = tl::expected<Value, Error>;

inline tl::unexpected<Error> failure(std::string message, int system_errno = 0) {
  return tl::make_unexpected(Error{std::move(message), system_errno});
}

}  // namespace starling::base
