#include "store/checksum.hpp"

namespace starling::store {

std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14'695'981'039'346'656'037u;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 1'099'511'628'211u;
  }
  return hash;
}

std::string as_hex(std::uint64_t number) {
  constexpr char digits[] = "0123456789abcdef";
  std::string hex(16, '0');
  for (auto digit = hex.rbegin(); digit != hex.rend(); ++digit, number >>= 4) {
    *digit = digits[number & 0xf];
  }
  return hex;
}

std::string checksum(std::string_view text) { return as_hex(hash_of(text)); }

}  // namespace starling::store
