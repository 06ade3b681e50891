#include "store/checksum.hpp"

#include <cstdint>

namespace starling::store {

std::string checksum(std::string_view text) {
  std::uint64_t hash = 14'695'981'039'346'656'037u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1'099'511'628'211u;
  }
  constexpr char digits[] = "0123456789abcdef";
  std::string hex(16, '0');
  for (auto digit = hex.rbegin(); digit != hex.rend(); ++digit, hash >>= 4) {
    *digit = digits[hash & 0xf];
  }
  return hex;
}

}  // namespace starling::store
