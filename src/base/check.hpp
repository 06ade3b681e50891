// CHECK: assertions that stay on in every build.
//
// A failed CHECK is a defect of this program, never of a peer, a disk or a database: what arrives
// from outside is answered with a Result. The message names the expression and the place, then the
// process aborts, so that nothing wrong is acknowledged or stored afterwards.
#pragma once

namespace starling::base {

[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace starling::base

#define CHECK(expression)                             \
  (__builtin_expect(static_cast<bool>(expression), 1) \
       ? static_cast<void>(0)                         \
       : ::starling::base::check_failed(#expression, __FILE__, __LINE__))
