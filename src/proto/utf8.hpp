// UTF-8 that arrives in pieces: fails at the first piece that cannot become valid any more.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

namespace starling::proto {

// RFC 3629. Between pieces it remembers a character that was cut, at most three bytes of it.
class Utf8Check {
 public:
  // False: what was taken so far is not the beginning of valid UTF-8.
  bool take(std::string_view piece);
  // Whether everything taken ended on a character.
  bool complete() const { return size_ == 0; }

 private:
  std::array<char, 4> cut_{};
  std::size_t size_ = 0;
};

}  // namespace starling::proto
