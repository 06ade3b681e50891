// A message inflated at once, slice by slice.
#pragma once

#include <string>
#include <string_view>

#include "proto/deflate.hpp"

namespace starling::proto {

struct Inflated {
  Inflater::Result result;
  std::string out;
  unsigned slices;
};

inline Inflated inflate(Inflater& inflater, std::string_view deflated, std::size_t max_bytes,
                        bool is_text = false) {
  inflater.reset();
  inflater.begin(deflated, max_bytes, is_text);
  Inflated inflated{Inflater::Result::unfinished, {}, 0};
  while (inflated.result == Inflater::Result::unfinished) {
    inflated.result = inflater.go_on();
    ++inflated.slices;
  }
  inflated.out = inflater.out();
  return inflated;
}

}  // namespace starling::proto
