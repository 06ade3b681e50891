// SmallVector: a vector whose first `Inline` elements lie in the object itself, so that the usual
// few need no allocation. Otherwise as std::vector.
#pragma once

#include <absl/container/inlined_vector.h>

#include <cstddef>

namespace starling::base {

template <typename Element, std::size_t Inline>
using SmallVector = absl::InlinedVector<Element, Inline>;

}  // namespace starling::base
